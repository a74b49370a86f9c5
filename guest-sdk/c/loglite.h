/* Write harvesters and transforms for loglite in C.
 *
 * One file of the plugin says which of the two it is, and implements the functions that the kind asks for:
 *
 *     #define LOGLITE_TRANSFORM
 *     #include "loglite.h"
 *
 *     loglite_result loglite_configure(loglite_text config) { return loglite_ok(); }
 *     loglite_verdict loglite_apply(loglite_text source, loglite_text entry) { return loglite_keep(); }
 *
 * or, with LOGLITE_HARVESTER, `loglite_run`. Other files of the plugin include this header without a define. Compiled
 * for another target than WebAssembly it leaves out the bindings, so that a test can call these functions.
 */
#ifndef LOGLITE_H
#define LOGLITE_H

#include "loglite_json.h"

/* How important a message is: for finding out why, what is normal, what to look at, what to act on. */
typedef enum { LOGLITE_DEBUG, LOGLITE_INFO, LOGLITE_WARN, LOGLITE_ERROR } loglite_level;

/* Writes to loglite's own log, for what an operator should know. Log entries do not belong here. */
void loglite_log(loglite_level level, loglite_text message);

/* How `loglite_run` and `loglite_configure` end. */
typedef struct {
  enum { LOGLITE_OK, LOGLITE_INVALID_CONFIG, LOGLITE_FAILED } outcome;
  const char *text; /* must outlive the return: a literal or a static buffer */
} loglite_result;

static inline loglite_result loglite_ok(void) { return (loglite_result){LOGLITE_OK, ""}; }

/* The plugin's `config:` can't be used: name the key, and what was expected. The plugin is not started again before
 * its configuration or its component has changed. */
static inline loglite_result loglite_invalid_config(const char *text) {
  return (loglite_result){LOGLITE_INVALID_CONFIG, text};
}

/* Something else is wrong. The plugin is started again after a pause. */
static inline loglite_result loglite_failed(const char *text) { return (loglite_result){LOGLITE_FAILED, text}; }

/* --- What a harvester implements and calls. --- */

/* Harvests until `loglite_stopping`, or until there is nothing left. `config` is the plugin's `config:` as JSON text,
 * `{}` without one. */
loglite_result loglite_run(loglite_text config);

/* Whether `loglite_run` should hand over what it holds and return; it has a few seconds for that. */
bool loglite_stopping(void);

/* Waits, or less if the harvester is asked to end meanwhile. Returns what `loglite_stopping` then says. */
bool loglite_sleep(uint64_t milliseconds);

/* What became of the entries of a call to `loglite_ingest`. */
typedef struct {
  uint32_t stored;
  uint32_t dropped;
  uint32_t refused; /* kept by loglite as dead letters: don't send them again */
} loglite_receipt;

typedef enum {
  LOGLITE_STORED,    /* all of it is committed, but for what the receipt counts as refused */
  LOGLITE_STOPPING,  /* return from `loglite_run` */
  LOGLITE_TOO_LARGE, /* an entry fits into no call; the calls before it are stored, without the checkpoint */
} loglite_ingested;

/* Stores entries, each the text of one JSON object, and with them the checkpoint: any bytes that tell where to go on
 * after a restart, `{NULL, 0}` to leave the last one. It is committed in the same transaction as the entries, so each
 * is in the table exactly once even after a crash. `receipt` may be NULL.
 *
 * Entries that are too many for one call (10 000 entries or 4 MB, unless the plugin's `limits:` say otherwise) are cut
 * into several, and the checkpoint goes with the last. What the earlier ones stored is then stored again if loglite
 * crashes before the last: give smaller lists, each with its checkpoint, to avoid that. */
loglite_ingested loglite_ingest(const loglite_text *entries, size_t count, loglite_text checkpoint,
                                loglite_receipt *receipt);

/* The last checkpoint that was committed under this harvester's name; false at the first start. It is followed
 * by a zero, so that it can be read as a string, and is to be freed with `free((void *)checkpoint.data)`. */
bool loglite_last_checkpoint(loglite_text *checkpoint);

/* --- What a transform implements and returns. --- */

/* What happens to an entry. */
typedef struct {
  enum { LOGLITE_KEEP, LOGLITE_DROP, LOGLITE_REPLACE, LOGLITE_SPLIT, LOGLITE_REFUSE } verdict;
  loglite_text *texts; /* a malloc'ed list of malloc'ed texts */
  size_t count;
} loglite_verdict;

/* Called once, before anything else. `config` is the plugin's `config:` as JSON text, `{}` without one. */
loglite_result loglite_configure(loglite_text config);

/* Judges one entry, the text of one JSON object, exactly as its source sent it. `source` is `http`, or a harvester's
 * name. Keep no state that must not be lost: instances are replaced at any time. */
loglite_verdict loglite_apply(loglite_text source, loglite_text entry);

/* The entry goes on as it is. The cheapest verdict: nothing is copied. */
static inline loglite_verdict loglite_keep(void) { return (loglite_verdict){LOGLITE_KEEP, NULL, 0}; }

/* The entry is not stored, without further notice. */
static inline loglite_verdict loglite_drop(void) { return (loglite_verdict){LOGLITE_DROP, NULL, 0}; }

/* A copy of a text that the receiver frees; without memory there is no way on, and loglite starts a new instance. */
static inline loglite_text loglite_copy(loglite_text text) {
  char *copy = malloc(text.length + 1);
  if (copy == NULL) abort();
  if (text.length > 0) memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  return (loglite_text){copy, text.length};
}

/* These entries, copied, go on in its place, in this order. */
static inline loglite_verdict loglite_split(const loglite_text *entries, size_t count) {
  loglite_verdict verdict = {LOGLITE_SPLIT, calloc(count + 1, sizeof(loglite_text)), count};
  if (verdict.texts == NULL) abort();
  for (size_t i = 0; i < count; i++) verdict.texts[i] = loglite_copy(entries[i]);
  return verdict;
}

/* This entry, copied, goes on in its place. */
static inline loglite_verdict loglite_replace(loglite_text entry) {
  loglite_verdict verdict = loglite_split(&entry, 1);
  verdict.verdict = LOGLITE_REPLACE;
  return verdict;
}

/* The entry is not stored, and its source is told why: in the answer to an HTTP request, or as a dead letter. */
static inline loglite_verdict loglite_refuse(const char *reason) {
  loglite_verdict verdict = loglite_replace(loglite_text_of(reason));
  verdict.verdict = LOGLITE_REFUSE;
  return verdict;
}

#if defined(__wasm__) && (defined(LOGLITE_TRANSFORM) || defined(LOGLITE_HARVESTER))
#include "loglite_bindings.h"
#endif

#endif
