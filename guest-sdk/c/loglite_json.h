/* Reading JSON text where it lies: the members of an object, the items of an array, strings with their escapes.
 *
 * It copies nothing but decoded strings and keeps no tree. Text that is no JSON ends an iteration early, never the
 * program: loglite hands over entries exactly as their source sent them.
 *
 *     loglite_json_cursor at = loglite_json_inside(entry);
 *     loglite_text key, value;
 *     while (loglite_json_next(&at, &key, &value)) { … }
 */
#ifndef LOGLITE_JSON_H
#define LOGLITE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of UTF-8 text that belong to someone else. Not ended by a zero. */
typedef struct {
  const char *data;
  size_t length;
} loglite_text;

/* The text of a string literal or any string that is ended by a zero. */
static inline loglite_text loglite_text_of(const char *string) {
  return (loglite_text){string, strlen(string)};
}

/* Whether a text is that string. */
static inline bool loglite_text_is(loglite_text text, const char *string) {
  return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

/* Where an iteration is: in an object or an array. */
typedef struct {
  const char *at;
  const char *end;
  char closing; /* `}` or `]`; 0 once there is nothing more */
  bool first;
} loglite_json_cursor;

static inline const char *loglite_json_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* Behind the string that begins at `at`, with its quotes; NULL if it does not end. */
static inline const char *loglite_json_string_end(const char *at, const char *end) {
  if (at >= end || *at != '"') return NULL;
  for (at++; at < end; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\' && ++at == end) return NULL; /* what is escaped does not end it */
  }
  return NULL;
}

/* Whether a character can be in a number, `true`, `false` or `null`. */
static inline bool loglite_json_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

/* Behind the value that begins at `at`; NULL if it does not end. Depth costs no stack. */
static inline const char *loglite_json_value_end(const char *at, const char *end) {
  size_t depth = 0;
  while (at < end) {
    char c = *at;
    if (c == '"') {
      at = loglite_json_string_end(at, end);
      if (at == NULL) return NULL;
    } else if (c == '{' || c == '[') {
      depth++;
      at++;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return NULL;
      depth--;
      at++;
    } else if (c == ',' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (depth == 0) return NULL;
      at++;
    } else if (loglite_json_plain(c)) {
      while (at < end && loglite_json_plain(*at)) at++;
    } else {
      return NULL;
    }
    if (depth == 0) return at;
  }
  return NULL;
}

/* Begins an iteration over an object or an array; over anything else it is empty. */
static inline loglite_json_cursor loglite_json_inside(loglite_text value) {
  const char *end = value.data + value.length;
  const char *at = loglite_json_space(value.data, end);
  loglite_json_cursor cursor = {at, end, 0, true};
  if (at < end && (*at == '{' || *at == '[')) {
    cursor.closing = *at == '{' ? '}' : ']';
    cursor.at = at + 1;
  }
  return cursor;
}

/* Steps to the next member or item; false at the end, or where it is no JSON. `key` and `value` are JSON text, a key
 * with its quotes; an item of an array has the empty key. */
static inline bool loglite_json_next(loglite_json_cursor *cursor, loglite_text *key, loglite_text *value) {
  const char *at = loglite_json_space(cursor->at, cursor->end), *end = cursor->end, *next;
  char closing = cursor->closing;
  cursor->closing = 0;
  if (closing == 0 || at == end || *at == closing) return false;
  if (!cursor->first) {
    if (*at != ',') return false;
    at = loglite_json_space(at + 1, end);
  }
  *key = (loglite_text){at, 0};
  if (closing == '}') {
    if ((next = loglite_json_string_end(at, end)) == NULL) return false;
    key->length = (size_t)(next - at);
    at = loglite_json_space(next, end);
    if (at == end || *at != ':') return false;
    at = loglite_json_space(at + 1, end);
  }
  if ((next = loglite_json_value_end(at, end)) == NULL) return false;
  *value = (loglite_text){at, (size_t)(next - at)};
  *cursor = (loglite_json_cursor){next, end, closing, false};
  return true;
}

static inline int loglite_json_hex(const char *at) {
  int code = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

static inline size_t loglite_json_utf8(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 63));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 63));
    out[2] = (char)(0x80 | (code & 63));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 63));
  out[2] = (char)(0x80 | (code >> 6 & 63));
  out[3] = (char)(0x80 | (code & 63));
  return 4;
}

/* The code point of the `\uXXXX` at `*at`, with its second half if it is a pair; -1 if it is none. Half a pair
 * becomes a replacement mark. Moves `*at` behind it. */
static inline int32_t loglite_json_unicode(const char **at, const char *end) {
  if (end - *at < 6) return -1;
  int code = loglite_json_hex(*at + 2);
  if (code < 0) return -1;
  *at += 6;
  if (code < 0xd800 || code > 0xdfff) return code;
  if (code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
    int low = loglite_json_hex(*at + 2);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *at += 6;
      return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return 0xfffd;
}

/* What the letter behind a backslash means; 0 if it means nothing. */
static inline char loglite_json_escaped(char letter) {
  switch (letter) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '"': case '\\': case '/': return letter;
    default: return '\0';
  }
}

/* Decodes a string, given with its quotes, into `out`, which takes at least `value.length` bytes; gives its length.
 * False if it is no string. */
static inline bool loglite_json_decode(loglite_text value, char *out, size_t *length) {
  const char *at = value.data, *end = value.data + value.length;
  if (loglite_json_string_end(at, end) != end) return false;
  size_t n = 0;
  for (at++, end--; at < end;) {
    if (*at != '\\') {
      out[n++] = *at++;
      continue;
    }
    if (at[1] == 'u') {
      int32_t code = loglite_json_unicode(&at, end);
      if (code < 0) return false;
      n += loglite_json_utf8((uint32_t)code, out + n);
      continue;
    }
    if ((out[n++] = loglite_json_escaped(at[1])) == '\0') return false;
    at += 2;
  }
  *length = n;
  return true;
}

/* Whether a JSON string, given with its quotes, means that text. */
static inline bool loglite_json_is(loglite_text value, loglite_text text) {
  if (value.length < 2 || *value.data != '"') return false;
  if (memchr(value.data, '\\', value.length) == NULL) {
    return value.length == text.length + 2 && memcmp(value.data + 1, text.data, text.length) == 0;
  }
  char *decoded = malloc(value.length);
  size_t length = 0;
  bool same = decoded != NULL && loglite_json_decode(value, decoded, &length) && length == text.length &&
              memcmp(decoded, text.data, length) == 0;
  free(decoded);
  return same;
}

/* Finds a member of an object by its key; the last of several, as most readers of JSON do. */
static inline bool loglite_json_member(loglite_text object, loglite_text key, loglite_text *value) {
  loglite_json_cursor at = loglite_json_inside(object);
  loglite_text name, member;
  bool found = false;
  if (at.closing != '}') return false;
  while (loglite_json_next(&at, &name, &member)) {
    if (loglite_json_is(name, key)) {
      *value = member;
      found = true;
    }
  }
  return found;
}

/* A number; false if the value is none, or out of the range of a double. */
static inline bool loglite_json_number(loglite_text value, double *number) {
  char digits[64], *rest;
  if (value.length == 0 || value.length >= sizeof digits) return false;
  if (*value.data != '-' && (*value.data < '0' || *value.data > '9')) return false;
  memcpy(digits, value.data, value.length);
  digits[value.length] = '\0';
  if (strspn(digits, "0123456789+-.eE") != value.length) return false; /* strtod reads more than JSON allows */
  *number = strtod(digits, &rest);
  return *rest == '\0' && *number - *number == 0;
}

#endif
