// What a transform imports.
import type { Entry } from "./common.js";

export { Failure, HttpError, InvalidConfig, http, log } from "./common.js";
export type { Entry, Json, RequestOptions, Response } from "./common.js";

/** What happens to an entry. Made by `keep`, `drop`, `replace`, `extend`, `split` and `refuse`. */
export type Verdict =
  | { tag: "keep" | "drop" }
  | { tag: "replace" | "refuse"; val: string }
  | { tag: "split"; val: string[] };

/** An entry in both its shapes, and where it comes from. */
export interface Context {
  /** The entry, as `apply` gets it. */
  entry: Entry;
  /** Its text, exactly as its source sent it. */
  text: string;
  /** `http`, or a harvester's name. */
  source: string;
}

/** Looks at each entry on its way to the table. Keep no state that must not be lost: instances are replaced at any time. */
export interface Transform {
  /** Takes the plugin's `config:`. Called once, before anything else. Throw `InvalidConfig` if it is wrong. */
  configure?(config: { [key: string]: any }): void;
  /**
   * Judges one entry by its text, before it is parsed; undefined leaves it to `apply`.
   * Worth it where most entries can be told apart so: reading JSON is most of a transform's time.
   */
  applyText?(text: string, source: string): Verdict | undefined;
  /** Judges one entry. An error makes loglite try again without it, and handle it as the transform's `on_failure` says. */
  apply(entry: Entry, context: Context): Verdict;
}

/** Makes what loglite looks for: `export const transform = defineTransform({ apply(entry) { … } })`. */
export function defineTransform(plugin: Transform): unknown;

/** The entry goes on as it is. The cheapest verdict: nothing is copied. */
export function keep(): Verdict;

/** The entry is not stored, without further notice. */
export function drop(): Verdict;

/** This entry goes on in its place. Whole numbers beyond 2^53 lose digits on their way through JavaScript: see `extend`. */
export function replace(entry: Entry | string): Verdict;

/** The entry goes on with these fields added, its own text untouched unless it has one of them already. */
export function extend(context: { entry: Entry; text: string }, fields: Entry): Verdict;

/** These entries go on in its place, in this order. */
export function split(entries: Iterable<Entry | string>): Verdict;

/** The entry is not stored, and its source is told why: in the answer to an HTTP request, or as a dead letter. */
export function refuse(reason: string): Verdict;
