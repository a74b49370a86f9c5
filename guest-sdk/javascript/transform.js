// What a transform imports. `transform.d.ts` is its documentation.
import { failing } from "./lib/errors.js";
import { writeLog } from "./lib/log.js";
import { textOf } from "./lib/text.js";

export { Failure, HttpError, InvalidConfig } from "./lib/errors.js";
export { http } from "./lib/http.js";
export { log } from "./lib/log.js";

const KEEP = Object.freeze({ tag: "keep" });
const DROP = Object.freeze({ tag: "drop" });
const CASES = new Set(["keep", "drop", "replace", "split", "refuse"]);

export const keep = () => KEEP;
export const drop = () => DROP;
export const replace = (entry) => ({ tag: "replace", val: textOf(entry) });
export const split = (entries) => ({ tag: "split", val: Array.from(entries, textOf) });
export const refuse = (reason) => ({ tag: "refuse", val: String(reason) });

export function extend({ entry, text }, fields) {
  if (Object.keys(fields).some((key) => Object.hasOwn(entry, key))) {
    return replace({ ...entry, ...fields });
  }
  const added = JSON.stringify(fields).slice(1, -1);
  if (added === "") {
    return KEEP;
  }
  const head = text.trimEnd().slice(0, -1).trimEnd();
  return { tag: "replace", val: `${head}${head.endsWith("{") ? "" : ","}${added}}` };
}

export function defineTransform(plugin) {
  if (typeof plugin?.apply !== "function") {
    throw new TypeError("defineTransform takes an object with a function `apply(entry, context)`");
  }
  return {
    configure(config) {
      failing(() => plugin.configure?.(JSON.parse(config)), writeLog);
    },
    // An error ends the call on purpose: loglite then finds the entry at fault.
    apply(source, entries) {
      return entries.map((text) => judged(plugin, source, text));
    },
  };
}

function judged(plugin, source, text) {
  const early = plugin.applyText?.(text, source);
  if (early !== undefined) {
    return checked(early);
  }
  const entry = JSON.parse(text);
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) {
    return KEEP;
  }
  return checked(plugin.apply(entry, { entry, text, source }));
}

function checked(verdict) {
  if (!CASES.has(verdict?.tag)) {
    throw new TypeError(`apply must return keep(), drop(), replace(…), split(…) or refuse(…), not ${JSON.stringify(verdict)}`);
  }
  return verdict;
}
