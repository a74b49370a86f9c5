/* What the sampler does. Run by ./test */
#undef NDEBUG
#include "sample.c"

#include <assert.h>

static loglite_result configure(const char *config) { return loglite_configure(loglite_text_of(config)); }

static bool keeps(const char *entry) {
  return loglite_apply(loglite_text_of("http"), loglite_text_of(entry)).verdict == LOGLITE_KEEP;
}

static void the_first_of_each_n_is_kept(void) {
  assert(configure("{\"rate\": 3}").outcome == LOGLITE_OK);
  for (int i = 0; i < 9; i++) assert(keeps("{\"service\":\"a\"}") == (i % 3 == 0));
}

static void keys_are_counted_apart(void) {
  configure("{\"rate\": 2, \"key\": \"host\"}");
  assert(keeps("{\"host\":\"a\"}") && keeps("{\"host\":\"b\"}") && keeps("{\"host\":1}") && keeps("{}"));
  assert(!keeps("{\"host\":\"a\"}") && !keeps("{\"host\":\"b\"}") && !keeps("{\"host\":1}") && !keeps("{}"));
}

static void a_key_is_the_same_with_and_without_escapes(void) {
  configure("{\"rate\": 2}");
  assert(keeps("{\"service\":\"a/b\"}") && !keeps("{\"s\\u0065rvice\":\"\\u0061\\/b\"}"));
}

static void some_levels_are_always_kept(void) {
  configure("{\"rate\": 1000, \"keep_levels\": [\"ERROR\", \"FATAL\"]}");
  assert(keeps("{\"level\":\"INFO\"}") && !keeps("{\"level\":\"INFO\"}"));
  for (int i = 0; i < 5; i++) assert(keeps("{\"level\":\"ERROR\"}") && keeps("{\"level\":\"F\\u0041TAL\"}"));
}

static void many_keys_take_bounded_room(void) {
  configure("{\"rate\": 2}");
  char entry[64];
  for (int i = 0; i < 100000; i++) {
    snprintf(entry, sizeof entry, "{\"service\":\"s%d\"}", i);
    assert(keeps(entry));
    assert(used <= SLOTS);
  }
}

static void without_a_configuration_one_in_ten_is_kept(void) {
  configure("{}");
  int kept = 0;
  for (int i = 0; i < 100; i++) kept += keeps("{\"service\":\"a\"}");
  assert(kept == 10);
}

static void a_wrong_configuration_is_named(void) {
  const char *wrong[][2] = {
      {"{\"rate\": 0}", "`rate`"},           {"{\"rate\": 1.5}", "`rate`"},   {"{\"rate\": \"2\"}", "`rate`"},
      {"{\"rate\": -1e30}", "`rate`"},       {"{\"key\": 5}", "`key`"},       {"{\"keep_levels\": \"ERROR\"}", "`keep_levels`"},
      {"{\"keep_levels\": [1]}", "`keep_l"}, {"{\"rat\": 5}", "unknown key \"rat\""},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    loglite_result result = configure(wrong[i][0]);
    assert(result.outcome == LOGLITE_INVALID_CONFIG && strstr(result.text, wrong[i][1]) != NULL);
  }
}

static void what_is_no_json_is_sampled_like_the_rest(void) {
  configure("{\"rate\": 2}");
  assert(keeps("{\"service\":") && !keeps("nonsense") && keeps(""));
}

int main(void) {
  the_first_of_each_n_is_kept();
  keys_are_counted_apart();
  a_key_is_the_same_with_and_without_escapes();
  some_levels_are_always_kept();
  many_keys_take_bounded_room();
  without_a_configuration_one_in_ten_is_kept();
  a_wrong_configuration_is_named();
  what_is_no_json_is_sampled_like_the_rest();
  puts("8 passed, 0 failed");
  return 0;
}
