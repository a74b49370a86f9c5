// A stand-in for loglite, to test a plugin with `node --test`. `host.d.ts` is its documentation.
import { forgetLimits } from "../lib/ingestor.js";

let current;

export class FakeHost {
  stored = [];
  refused = [];
  messages = [];
  requests = [];
  calls = [];
  slept = 0;
  isStopping = false;
  cutOff = false;

  constructor(options = {}) {
    const defaults = { stopAfterSleeps: 1, refuse: () => undefined, maxEntries: 10_000, maxBytes: 4 << 20 };
    this.options = { ...defaults, ...options };
    this.checkpoint = this.options.checkpoint;
    this.sleepsLeft = this.options.stopAfterSleeps;
    current = this;
    forgetLimits();
  }

  sleep(milliseconds) {
    this.slept += milliseconds / 1000;
    this.sleepsLeft -= 1;
    this.isStopping ||= this.sleepsLeft <= 0;
    return this.isStopping;
  }

  ingest(entries, checkpoint) {
    const { maxEntries, maxBytes } = this.options;
    const bytes = entries.reduce((sum, text) => sum + Buffer.byteLength(text), checkpoint?.length ?? 0);
    if (this.cutOff) {
      throw { tag: "stopping" };
    } else if (entries.length > maxEntries) {
      throw { tag: "too-many-entries", val: maxEntries };
    } else if (bytes > maxBytes) {
      throw { tag: "too-many-bytes", val: maxBytes };
    }
    this.calls.push(entries.length);
    const refused = entries.flatMap((text, index) => {
      const reason = this.#store(text);
      return reason === undefined ? [] : [{ index, reason }];
    });
    this.checkpoint = checkpoint ?? this.checkpoint;
    return { stored: entries.length - refused.length, dropped: 0, refused };
  }

  send(request) {
    this.requests.push(request);
    if (this.options.respond === undefined) {
      throw { tag: "denied", val: `\`${request.url}\` is not granted: no \`respond\` was given to FakeHost` };
    }
    return { headers: [], body: new Uint8Array(), ...this.options.respond(request) };
  }

  #store(text) {
    let entry;
    try {
      entry = JSON.parse(text);
    } catch (error) {
      this.refused.push(text);
      return `not JSON: ${error.message}`;
    }
    const reason = this.options.refuse(entry);
    if (reason === undefined) {
      this.stored.push(entry);
    } else {
      this.refused.push(text);
    }
    return reason;
  }
}

function host() {
  if (current === undefined) {
    throw new Error("there is no loglite here: begin the test with `const host = new FakeHost()`");
  }
  return current;
}

// What the bindings offer in a component.
export const log = (level, message) => void host().messages.push([level, message]);
export const stopping = () => host().isStopping;
export const sleep = (milliseconds) => host().sleep(milliseconds);
export const ingest = (entries, checkpoint) => host().ingest(entries, checkpoint);
export const lastCheckpoint = () => host().checkpoint ?? null;
export const send = (request) => host().send(request);
