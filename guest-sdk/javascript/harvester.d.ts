// What a harvester imports.
import type { Entry, Json } from "./common.js";

export { Failure, HttpError, InvalidConfig, http, log } from "./common.js";
export type { Entry, Json, RequestOptions, Response } from "./common.js";

/** Brings entries into loglite. */
export interface Harvester {
  /**
   * Harvests until `stopping()`, or until there is nothing left. `config` is the plugin's `config:`.
   *
   * It is called once, in a fresh instance. After an error loglite calls it again in a new one, after a pause; what it
   * knew is gone but for `lastCheckpoint()`.
   */
  run(config: { [key: string]: any }): void;
}

/** Makes what loglite looks for: `export const harvester = defineHarvester({ run(config) { … } })`. */
export function defineHarvester(plugin: Harvester): unknown;

/** What became of the entries that were given to `ingest`. */
export interface Receipt {
  /** How many rows are committed. A transform that splits an entry makes it count more than once. */
  stored: number;
  /** How many entries a transform dropped, as configured. */
  dropped: number;
  /** Entries that are not stored, by rising index. loglite keeps them as dead letters: don't send them again. */
  refused: { index: number; reason: string }[];
}

/**
 * Stores entries, each an object or the text of one, and with them the checkpoint. Returns once all of it is committed.
 *
 * An entry without a timestamp gets the time of arrival. The checkpoint is any JSON value, or bytes, that tells where to
 * go on after a restart; without one, the last one stays. It is committed in the same transaction as the entries, so
 * each is in the table exactly once even after a crash.
 *
 * Entries that are too many for one call (10 000 entries or 4 MB, unless the plugin's `limits:` say otherwise) are cut
 * into several, and the checkpoint goes with the last. What the earlier ones stored is then stored again if loglite
 * crashes before the last: give smaller lists, each with its checkpoint, to avoid that.
 *
 * Throws `Stopping` when the plugin should end, and `EntryTooLarge` for an entry that fits into no call.
 */
export function ingest(entries: Iterable<Entry | string>, checkpoint?: Json | Uint8Array): Receipt;

/** The last checkpoint that was committed under this harvester's name, or `otherwise` at the first start. */
export function lastCheckpoint<T>(otherwise: T): T;
export function lastCheckpoint(): Json | undefined;

/** The last checkpoint as bytes, for those that are no JSON; undefined at the first start. */
export function lastCheckpointBytes(): Uint8Array | undefined;

/** Whether `run` should hand over what it holds and return; it has a few seconds for that. */
export function stopping(): boolean;

/** Waits, or less if the harvester is asked to end meanwhile. Returns what `stopping()` then says. */
export function sleep(seconds: number): boolean;

/** Thrown by `ingest` when the plugin should end. Let it pass through `run`: that is a normal end. */
export class Stopping extends Error {}

/** Thrown by `ingest` for an entry that no call can carry; the calls before it are stored, without the checkpoint. */
export class EntryTooLarge extends Error {
  index: number;
  size: number;
  limit: number;
}
