/* Between `loglite.h` and what wit-bindgen generates. Included by it, once, in a component: nothing for authors. */
#ifndef LOGLITE_BINDINGS_H
#define LOGLITE_BINDINGS_H

/* The names that wit-bindgen gives carry the world in front. */
#ifdef LOGLITE_HARVESTER
#include "harvester_plugin.h"
#define LOGLITE_OF_WORLD(name) harvester_plugin_##name
#else
#include "transform_plugin.h"
#define LOGLITE_OF_WORLD(name) transform_plugin_##name
#endif

typedef LOGLITE_OF_WORLD(string_t) loglite_wit_string;

/* Texts are handed over as an array of their own type, which has to have the layout of the generated one. */
_Static_assert(sizeof(loglite_wit_string) == sizeof(loglite_text), "a text is laid out as a string of the bindings");

static loglite_text loglite_from_wit(const loglite_wit_string *string) {
  return (loglite_text){(const char *)string->ptr, string->len};
}

static loglite_wit_string loglite_to_wit(loglite_text text) {
  return (loglite_wit_string){(uint8_t *)text.data, text.length};
}

void loglite_log(loglite_level level, loglite_text message) {
  loglite_wit_string text = loglite_to_wit(message);
  loglite_plugin_logging_log((loglite_plugin_logging_level_t)level, &text);
}

/* False, with the failure filled in, unless all is well. The bindings free the text. */
static bool loglite_conclude(loglite_result result, loglite_plugin_types_failure_t *failure) {
  if (result.outcome == LOGLITE_OK) return true;
  loglite_wit_string text = loglite_to_wit(loglite_copy(loglite_text_of(result.text)));
  if (result.outcome == LOGLITE_INVALID_CONFIG) {
    failure->tag = LOGLITE_PLUGIN_TYPES_FAILURE_INVALID_CONFIG;
    failure->val.invalid_config = text;
  } else {
    failure->tag = LOGLITE_PLUGIN_TYPES_FAILURE_FAILED;
    failure->val.failed = text;
  }
  return false;
}

#ifdef LOGLITE_HARVESTER

bool exports_loglite_plugin_harvester_run(loglite_wit_string *config,
                                          exports_loglite_plugin_harvester_failure_t *failure) {
  bool ok = loglite_conclude(loglite_run(loglite_from_wit(config)), failure);
  LOGLITE_OF_WORLD(string_free)(config);
  return ok;
}

bool loglite_stopping(void) { return loglite_plugin_lifecycle_stopping(); }

bool loglite_sleep(uint64_t milliseconds) { return loglite_plugin_lifecycle_sleep(milliseconds); }

bool loglite_last_checkpoint(loglite_text *checkpoint) {
  LOGLITE_OF_WORLD(list_u8_t) bytes;
  if (!loglite_plugin_ingestor_last_checkpoint(&bytes)) return false;
  *checkpoint = loglite_copy((loglite_text){(const char *)bytes.ptr, bytes.len});
  LOGLITE_OF_WORLD(list_u8_free)(&bytes);
  return true;
}

/* What one call may carry, as far as it is known: the host tells when it is asked for more. */
static size_t loglite_most_entries = SIZE_MAX;
static uint64_t loglite_most_bytes = UINT64_MAX;

/* How many of the entries one call takes; 0 if the first is too large for any. */
static size_t loglite_fitting(const loglite_text *entries, size_t count, size_t checkpoint) {
  size_t most = count < loglite_most_entries ? count : loglite_most_entries;
  uint64_t size = checkpoint;
  for (size_t i = 0; i < most; i++) {
    size += entries[i].length;
    if (size > loglite_most_bytes) return i;
  }
  return most;
}

/* Takes over a limit; false if it is none, or does not get smaller and would be asked for without end. */
static bool loglite_learn(const loglite_plugin_ingestor_ingest_error_t *error) {
  if (error->tag == LOGLITE_PLUGIN_INGESTOR_INGEST_ERROR_TOO_MANY_ENTRIES) {
    bool smaller = error->val.too_many_entries > 0 && error->val.too_many_entries < loglite_most_entries;
    loglite_most_entries = smaller ? error->val.too_many_entries : loglite_most_entries;
    return smaller;
  }
  bool smaller = error->val.too_many_bytes < loglite_most_bytes;
  loglite_most_bytes = smaller ? error->val.too_many_bytes : loglite_most_bytes;
  return smaller;
}

loglite_ingested loglite_ingest(const loglite_text *entries, size_t count, loglite_text checkpoint,
                                loglite_receipt *receipt) {
  loglite_receipt total = {0, 0, 0};
  size_t done = 0;
  do {
    size_t fitting = loglite_fitting(entries + done, count - done, checkpoint.length);
    if (fitting == 0 && done < count) return LOGLITE_TOO_LARGE;
    bool last = done + fitting == count;
    LOGLITE_OF_WORLD(list_string_t) list = {(loglite_wit_string *)(entries + done), fitting};
    LOGLITE_OF_WORLD(list_u8_t) bytes = {(uint8_t *)checkpoint.data, checkpoint.length};
    loglite_plugin_ingestor_receipt_t given;
    loglite_plugin_ingestor_ingest_error_t error;
    if (!loglite_plugin_ingestor_ingest(&list, last && checkpoint.data != NULL ? &bytes : NULL, &given, &error)) {
      if (error.tag == LOGLITE_PLUGIN_INGESTOR_INGEST_ERROR_STOPPING) return LOGLITE_STOPPING;
      if (!loglite_learn(&error)) return LOGLITE_TOO_LARGE;
      continue;
    }
    total.stored += given.stored;
    total.dropped += given.dropped;
    total.refused += (uint32_t)given.refused.len;
    loglite_plugin_ingestor_receipt_free(&given);
    done += fitting;
    if (last) break;
  } while (true);
  if (receipt != NULL) *receipt = total;
  return LOGLITE_STORED;
}

#else

bool exports_loglite_plugin_transform_configure(loglite_wit_string *config,
                                                exports_loglite_plugin_transform_failure_t *failure) {
  bool ok = loglite_conclude(loglite_configure(loglite_from_wit(config)), failure);
  LOGLITE_OF_WORLD(string_free)(config);
  return ok;
}

/* The bindings free what a verdict holds, but for what is empty, and our list of texts where they have one string. */
static exports_loglite_plugin_transform_verdict_t loglite_verdict_to_wit(loglite_verdict verdict) {
  exports_loglite_plugin_transform_verdict_t out = {.tag = (uint8_t)verdict.verdict};
  if (verdict.verdict == LOGLITE_SPLIT) {
    out.val.split.ptr = (loglite_wit_string *)verdict.texts;
    out.val.split.len = verdict.count;
    if (verdict.count == 0) free(verdict.texts);
  } else if (verdict.count > 0) {
    out.val.replace = loglite_to_wit(verdict.texts[0]); /* `refuse` lies in the same place of the union */
    if (verdict.texts[0].length == 0) free((void *)verdict.texts[0].data);
    free(verdict.texts);
  }
  return out;
}

void exports_loglite_plugin_transform_apply(loglite_wit_string *source, LOGLITE_OF_WORLD(list_string_t) *entries,
                                            exports_loglite_plugin_transform_list_verdict_t *verdicts) {
  verdicts->len = entries->len;
  verdicts->ptr = entries->len > 0 ? calloc(entries->len, sizeof *verdicts->ptr) : NULL;
  if (verdicts->ptr == NULL && entries->len > 0) abort();
  for (size_t i = 0; i < entries->len; i++) {
    loglite_text entry = loglite_from_wit(&entries->ptr[i]);
    verdicts->ptr[i] = loglite_verdict_to_wit(loglite_apply(loglite_from_wit(source), entry));
  }
  LOGLITE_OF_WORLD(string_free)(source);
  LOGLITE_OF_WORLD(list_string_free)(entries);
}

#endif

#endif
