// A stand-in for loglite, to test a plugin with `node --import …/testing/register.js --test`.

export interface FakeHostOptions {
  /** After this many sleeps the plugin is asked to end (1). A sleep does not wait. */
  stopAfterSleeps?: number;
  /** A checkpoint as an earlier run would have left it. */
  checkpoint?: Uint8Array;
  /** Why an entry is not stored; undefined stores it. */
  refuse?: (entry: unknown) => string | undefined;
  /** Answers HTTP requests; without it they are denied. */
  respond?: (request: { method: string; url: string; headers: [string, string][]; body: Uint8Array | null; timeoutMs: number | null }) => {
    status: number;
    headers?: [string, string][];
    body?: Uint8Array;
  };
  /** How many entries a call may carry (10 000). */
  maxEntries?: number;
  /** How many bytes a call may carry (4 MiB). */
  maxBytes?: number;
}

/** Stands in for loglite from its making until the next one is made, and remembers what the plugin did. */
export class FakeHost {
  constructor(options?: FakeHostOptions);
  /** The entries that are stored. */
  stored: any[];
  /** The texts of those that are not. */
  refused: string[];
  /** Level and text of what the plugin logged. */
  messages: ["debug" | "info" | "warn" | "error", string][];
  /** The HTTP requests that it sent. */
  requests: { method: string; url: string }[];
  /** How many entries each call carried. */
  calls: number[];
  /** How long the plugin would have slept, in seconds. */
  slept: number;
  /** The last checkpoint. */
  checkpoint: Uint8Array | undefined;
  /** Whether the plugin is asked to end. */
  isStopping: boolean;
  /** Set it to have `ingest` answer that loglite is stopping. */
  cutOff: boolean;
}
