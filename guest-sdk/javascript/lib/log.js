// loglite's own log, for what an operator should know.
import { log as write } from "loglite:plugin/logging@0.1.0";

/** Writes a message, with the plugin's name in front. Log entries do not belong here: see `ingest`. */
export const log = {
  debug: (message) => write("debug", String(message)),
  info: (message) => write("info", String(message)),
  warn: (message) => write("warn", String(message)),
  error: (message) => write("error", String(message)),
};

/** For those who need the level as a value. */
export const writeLog = (level, message) => write(level, message);

const shown = (value) => (typeof value === "string" || value instanceof Error ? `${value}` : JSON.stringify(value) ?? `${value}`);
const line = (level) => (...values) => write(level, values.map(shown).join(" "));

// The engine of a component has no console, and libraries expect one.
globalThis.console ??= { debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };
