// The way of a harvester's entries into the log table.
import { ingest as call, lastCheckpoint as recall } from "loglite:plugin/ingestor@0.1.0";
import { EntryTooLarge, Stopping, caseOf } from "./errors.js";
import { decodeUtf8, encodeUtf8, textOf, utf8Length } from "./text.js";

/** What one call may carry, as far as it is known: the host tells when it is asked for more. */
const limits = { entries: Infinity, bytes: Infinity };

/** For tests: start anew with another host. */
export function forgetLimits() {
  Object.assign(limits, { entries: Infinity, bytes: Infinity });
}

/** Stores entries, and with them the checkpoint. Returns once all of it is committed. */
export function ingest(entries, checkpoint) {
  const texts = Array.from(entries, textOf);
  const last = bytesOf(checkpoint);
  const total = { stored: 0, dropped: 0, refused: [] };
  let start = 0;
  for (;;) {
    const end = endOf(texts, start, last?.length ?? 0);
    const receipt = callOnce(texts.slice(start, end), end === texts.length ? last : null);
    if (receipt === undefined) {
      continue;
    }
    total.stored += receipt.stored;
    total.dropped += receipt.dropped;
    for (const { index, reason } of receipt.refused) {
      total.refused.push({ index: start + index, reason });
    }
    start = end;
    if (end === texts.length) {
      return total;
    }
  }
}

/** The last checkpoint as the JSON value that it was; `otherwise` at the first start. */
export function lastCheckpoint(otherwise) {
  const bytes = recall() ?? undefined;
  return bytes === undefined ? otherwise : JSON.parse(decodeUtf8(bytes));
}

/** The last checkpoint as bytes; undefined at the first start. */
export function lastCheckpointBytes() {
  const bytes = recall() ?? undefined;
  return bytes === undefined ? undefined : Uint8Array.from(bytes);
}

/** One call; undefined if it was too large, which teaches the limit. */
function callOnce(texts, checkpoint) {
  try {
    return call(texts, checkpoint);
  } catch (thrown) {
    const reason = caseOf(thrown);
    if (reason?.tag === "stopping") {
      throw new Stopping();
    }
    const key = { "too-many-entries": "entries", "too-many-bytes": "bytes" }[reason?.tag];
    const limit = Number(reason?.val);
    // A limit that does not get smaller would be asked for without end.
    if (key === undefined || !(limit >= 1 && limit < limits[key])) {
      throw reason === undefined ? thrown : new Error(`ingest was refused: ${reason.tag} (${reason.val})`);
    }
    limits[key] = limit;
    return undefined;
  }
}

/** Where the call that begins at `start` ends. Room for the checkpoint is left in each, to keep it simple. */
function endOf(texts, start, reserved) {
  const end = Math.min(start + limits.entries, texts.length);
  if (limits.bytes === Infinity) {
    return end;
  }
  let size = reserved;
  for (let index = start; index < end; index++) {
    const length = utf8Length(texts[index]);
    if (reserved + length > limits.bytes) {
      throw new EntryTooLarge(index, reserved + length, limits.bytes);
    }
    size += length;
    if (size > limits.bytes) {
      return index;
    }
  }
  return end;
}

function bytesOf(checkpoint) {
  if (checkpoint === undefined || checkpoint === null) {
    return null;
  }
  return checkpoint instanceof Uint8Array ? checkpoint : encodeUtf8(JSON.stringify(checkpoint));
}
