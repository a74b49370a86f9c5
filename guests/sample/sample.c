/* Keeps one in N entries per key, so that a chatty service costs less without falling silent.
 *
 * Configuration: `rate` (10), the N; `key` (service), the field whose values are counted apart; `keep_levels`
 * (["ERROR"]), values of the field `level` that are always kept.
 */
#define LOGLITE_TRANSFORM
#include "loglite.h"

#include <stdio.h>

enum { MOST_LEVELS = 16, MOST_LENGTH = 128, SLOTS = 4096 };

/* A name from the configuration, decoded. */
typedef struct {
  char data[MOST_LENGTH];
  size_t length;
} name;

/* How many entries of a key were seen. Keys are told apart by their hash alone: two that share one are counted
 * together, which costs a sample its exactness and nothing else. */
typedef struct {
  uint64_t hash;
  uint64_t seen;
} slot;

static double rate;
static name key;
static name keep_levels[MOST_LEVELS];
static size_t keep_level_count;
static slot slots[SLOTS];
static size_t used;

static loglite_text text_of(const name *name) { return (loglite_text){name->data, name->length}; }

static bool read_name(loglite_text value, name *into) {
  return value.length <= sizeof into->data && loglite_json_decode(value, into->data, &into->length);
}

static bool read_levels(loglite_text value) {
  loglite_json_cursor at = loglite_json_inside(value);
  loglite_text unused, item;
  if (at.closing != ']') return false;
  for (keep_level_count = 0; loglite_json_next(&at, &unused, &item); keep_level_count++) {
    if (keep_level_count == MOST_LEVELS || !read_name(item, &keep_levels[keep_level_count])) return false;
  }
  return true;
}

static loglite_result unknown_key(loglite_text name) {
  static char message[MOST_LENGTH + 64];
  int length = name.length < MOST_LENGTH ? (int)name.length : MOST_LENGTH;
  snprintf(message, sizeof message, "unknown key %.*s; there are: rate, key, keep_levels", length, name.data);
  return loglite_invalid_config(message);
}

static void use_defaults(void) {
  rate = 10;
  read_name(loglite_text_of("\"service\""), &key);
  read_levels(loglite_text_of("[\"ERROR\"]"));
  memset(slots, 0, sizeof slots);
  used = 0;
}

loglite_result loglite_configure(loglite_text config) {
  loglite_json_cursor at = loglite_json_inside(config);
  loglite_text name, value;
  use_defaults();
  while (loglite_json_next(&at, &name, &value)) {
    if (loglite_json_is(name, loglite_text_of("rate"))) {
      if (!loglite_json_number(value, &rate) || rate < 1 || rate > 1e9 || rate != (double)(uint64_t)rate) {
        return loglite_invalid_config("`rate` must be a whole number from 1 to 1000000000");
      }
    } else if (loglite_json_is(name, loglite_text_of("key"))) {
      if (!read_name(value, &key)) return loglite_invalid_config("`key` must be the name of a field");
    } else if (loglite_json_is(name, loglite_text_of("keep_levels"))) {
      if (!read_levels(value)) return loglite_invalid_config("`keep_levels` must be a list of up to 16 levels");
    } else {
      return unknown_key(name);
    }
  }
  return loglite_ok();
}

static bool is_always_kept(loglite_text entry) {
  loglite_text level;
  if (!loglite_json_member(entry, loglite_text_of("level"), &level)) return false;
  for (size_t i = 0; i < keep_level_count; i++) {
    if (loglite_json_is(level, text_of(&keep_levels[i]))) return true;
  }
  return false;
}

/* FNV-1a, 64 bit, by Fowler, Noll and Vo. */
static uint64_t hash_of(loglite_text text) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < text.length; i++) hash = (hash ^ (uint8_t)text.data[i]) * 1099511628211u;
  return hash;
}

/* The hash of the key's value: of what a string means, so that escapes make no difference. Entries without one share
 * the hash of nothing. */
static uint64_t hash_of_key(loglite_text entry) {
  loglite_text value = {"", 0};
  size_t length = 0;
  if (!loglite_json_member(entry, text_of(&key), &value)) return hash_of(value);
  if (value.data[0] != '"' || memchr(value.data, '\\', value.length) == NULL) return hash_of(value);
  char *decoded = malloc(value.length + 2);
  if (decoded == NULL) abort();
  decoded[0] = '"';
  bool is_string = loglite_json_decode(value, decoded + 1, &length);
  decoded[length + 1] = '"';
  uint64_t hash = hash_of(is_string ? (loglite_text){decoded, length + 2} : value);
  free(decoded);
  return hash;
}

/* The slot of a key. Once three quarters are taken all is forgotten, which bounds memory and time whatever comes. */
static slot *slot_of(uint64_t hash) {
  hash |= 1; /* 0 marks a free slot */
  if (used >= SLOTS / 4 * 3) {
    memset(slots, 0, sizeof slots);
    used = 0;
  }
  size_t i = hash >> 20 & (SLOTS - 1);
  while (slots[i].hash != 0 && slots[i].hash != hash) i = (i + 1) & (SLOTS - 1);
  if (slots[i].hash == 0) {
    slots[i].hash = hash;
    used++;
  }
  return &slots[i];
}

loglite_verdict loglite_apply(loglite_text source, loglite_text entry) {
  (void)source;
  if (is_always_kept(entry)) return loglite_keep();
  slot *slot = slot_of(hash_of_key(entry));
  /* The first of each N: a service that speaks once is heard. */
  return slot->seen++ % (uint64_t)rate == 0 ? loglite_keep() : loglite_drop();
}
