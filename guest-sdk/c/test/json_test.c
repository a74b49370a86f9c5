/* What the scanner makes of JSON, and of what is none. */
#undef NDEBUG
#include "../loglite.h"

#include <assert.h>
#include <stdio.h>

static loglite_text text(const char *string) { return loglite_text_of(string); }

static bool decodes_to(const char *json, const char *expected) {
  char out[64];
  size_t length = 0;
  return loglite_json_decode(text(json), out, &length) && loglite_text_is((loglite_text){out, length}, expected);
}

static void members_are_found_by_their_key(void) {
  loglite_text object = text(" {\"a\": [1, {\"b\": 2}], \"b\" :\t\"x\", \"\\u0063\": {} } "), value;
  assert(loglite_json_member(object, text("a"), &value) && loglite_text_is(value, "[1, {\"b\": 2}]"));
  assert(loglite_json_member(object, text("b"), &value) && loglite_text_is(value, "\"x\""));
  assert(loglite_json_member(object, text("c"), &value) && loglite_text_is(value, "{}"));
  assert(!loglite_json_member(object, text("d"), &value));
}

static void the_last_of_equal_keys_counts(void) {
  loglite_text value;
  assert(loglite_json_member(text("{\"a\":1,\"a\":2}"), text("a"), &value) && loglite_text_is(value, "2"));
}

static void brackets_and_quotes_within_strings_are_text(void) {
  loglite_text value;
  assert(loglite_json_member(text("{\"a\":\"}],\\\"{\\\\\",\"b\":1}"), text("b"), &value));
  assert(loglite_text_is(value, "1"));
}

static void items_of_an_array_come_in_order(void) {
  loglite_json_cursor at = loglite_json_inside(text("[1, \"two\" ,null]"));
  loglite_text key, value;
  assert(loglite_json_next(&at, &key, &value) && loglite_text_is(value, "1") && key.length == 0);
  assert(loglite_json_next(&at, &key, &value) && loglite_text_is(value, "\"two\""));
  assert(loglite_json_next(&at, &key, &value) && loglite_text_is(value, "null"));
  assert(!loglite_json_next(&at, &key, &value) && !loglite_json_next(&at, &key, &value));
}

static void strings_are_decoded(void) {
  assert(decodes_to("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"));
  assert(decodes_to("\"\\u00e4\\u20AC\"", "\xc3\xa4\xe2\x82\xac"));
  assert(decodes_to("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"));
  assert(decodes_to("\"\\ud83d!\"", "\xef\xbf\xbd!") && decodes_to("\"\\ude00\"", "\xef\xbf\xbd"));
  assert(decodes_to("\"\"", ""));
}

static void what_is_no_string_is_not_decoded(void) {
  const char *wrong[] = {"", "\"", "\"a", "\"a\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "1", "\"a\"b", "\"\\"};
  char out[64];
  size_t length;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert(!loglite_json_decode(text(wrong[i]), out, &length));
}

static void strings_are_compared_by_what_they_mean(void) {
  assert(loglite_json_is(text("\"a\\u0062\""), text("ab")) && loglite_json_is(text("\"ab\""), text("ab")));
  assert(!loglite_json_is(text("\"abc\""), text("ab")) && !loglite_json_is(text("1"), text("1")));
}

static void numbers_are_those_of_json(void) {
  double number = 0;
  assert(loglite_json_number(text("-1.5e1"), &number) && number == -15.0);
  const char *wrong[] = {"", "0x10", "1e999", "true", "\"1\"", "inf", "1 ", "--1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert(!loglite_json_number(text(wrong[i]), &number));
}

/* Every beginning of a text, and every text with one byte changed, is read to an end within its bounds: the
 * sanitizers watch over that. */
static void broken_text_ends_the_iteration(void) {
  const char *whole = "{\"a\":[1,{\"b\":\"x\\u0041\\n\"},null], \"c\" : -1.5e3,\"d\":{}}";
  size_t length = strlen(whole);
  for (size_t cut = 0; cut <= length; cut++) {
    for (int byte = 0; byte < 256; byte++) {
      char *copy = malloc(cut + 1);
      assert(copy != NULL);
      memcpy(copy, whole, cut);
      if (cut > 0) copy[cut / 2] = (char)byte;
      char *exact = malloc(cut > 0 ? cut : 1);
      assert(exact != NULL);
      memcpy(exact, copy, cut);
      loglite_text value, object = {exact, cut};
      char out[128];
      size_t n;
      if (loglite_json_member(object, text("c"), &value)) assert(value.length <= cut);
      loglite_json_decode(object, out, &n);
      free(exact);
      free(copy);
    }
  }
}

static void depth_costs_no_stack(void) {
  size_t depth = 2000000;
  char *deep = malloc(depth * 2);
  assert(deep != NULL);
  memset(deep, '[', depth);
  memset(deep + depth, ']', depth);
  loglite_json_cursor at = loglite_json_inside((loglite_text){deep, depth * 2});
  loglite_text key, value;
  assert(loglite_json_next(&at, &key, &value) && value.length == depth * 2 - 2);
  free(deep);
}

static void verdicts_own_copies(void) {
  char entry[] = "{}";
  loglite_verdict verdict = loglite_replace(loglite_text_of(entry));
  entry[0] = 'x';
  assert(verdict.verdict == LOGLITE_REPLACE && loglite_text_is(verdict.texts[0], "{}"));
  free((void *)verdict.texts[0].data);
  free(verdict.texts);
}

int main(void) {
  members_are_found_by_their_key();
  the_last_of_equal_keys_counts();
  brackets_and_quotes_within_strings_are_text();
  items_of_an_array_come_in_order();
  strings_are_decoded();
  what_is_no_string_is_not_decoded();
  strings_are_compared_by_what_they_mean();
  numbers_are_those_of_json();
  broken_text_ends_the_iteration();
  depth_costs_no_stack();
  verdicts_own_copies();
  puts("11 passed, 0 failed");
  return 0;
}
