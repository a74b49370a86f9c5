// What harvesters and transforms share.

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A log entry: fields and their values. */
export type Entry = { [field: string]: Json };

/** Throw it from `run` or `configure` when the plugin can't go on; loglite logs the text and starts it again later. */
export class Failure extends Error {}

/** Throw it when the plugin's `config:` can't be used: name the key, and what was expected. It is not started again before the configuration or the component has changed. */
export class InvalidConfig extends Failure {}

/** loglite's own log, for what an operator should know. `console` writes there, too. */
export const log: {
  /** Not shown unless loglite runs with `debug: true`. */
  debug(message: string): void;
  /** What normally happens. */
  info(message: string): void;
  /** What should be looked at. */
  warn(message: string): void;
  /** What an operator must act on. */
  error(message: string): void;
};

/** Why there is no response. The message says it in words. */
export class HttpError extends Error {
  reason: "denied" | "invalid-request" | "timeout" | "too-large" | "failed";
}

/** A response of any status. */
export interface Response {
  status: number;
  /** Whether the status is from 200 to 299. */
  ok: boolean;
  /** Names, in lower case, and values. */
  headers: [string, string][];
  body: Uint8Array;
  /** The first header of that name, in any case of letters. */
  header(name: string): string | undefined;
  /** The body as UTF-8 text. */
  text(): string;
  /** The body as a JSON value; throws `SyntaxError` if it is none. */
  json(): Json;
}

export interface RequestOptions {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** For the whole exchange, in seconds; at most, and by default, what the plugin's limits say. */
  timeout?: number;
}

/** Requests to the servers that the plugin's `grant: {http: […]}` names. Redirects are not followed. */
export const http: {
  /** Sends a request and waits for the whole response. Throws `HttpError`. */
  request(method: string, url: string, options?: RequestOptions): Response;
  /** `request("GET", …)` */
  get(url: string, options?: RequestOptions): Response;
};
