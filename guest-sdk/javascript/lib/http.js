// HTTP requests to the servers that the plugin's `grant: {http: […]}` names.
import { send } from "loglite:plugin/http@0.1.0";
import { HttpError, caseOf } from "./errors.js";
import { decodeUtf8, encodeUtf8 } from "./text.js";

/** A response of any status. */
export class Response {
  constructor({ status, headers, body }) {
    this.status = status;
    this.headers = headers;
    this.body = Uint8Array.from(body);
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  header(name) {
    const wanted = name.toLowerCase();
    return this.headers.find(([key]) => key === wanted)?.[1];
  }

  text() {
    return decodeUtf8(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }
}

/** Sends a request and waits for the whole response. */
function request(method, url, { headers = {}, body, timeout } = {}) {
  try {
    const response = send({
      method,
      url,
      headers: Object.entries(headers),
      body: body === undefined ? null : typeof body === "string" ? encodeUtf8(body) : body,
      timeoutMs: timeout === undefined ? null : Math.max(1, Math.round(timeout * 1000)),
    });
    return new Response(response);
  } catch (thrown) {
    const reason = caseOf(thrown);
    if (reason === undefined) {
      throw thrown;
    }
    throw new HttpError(reason.tag, messageOf(reason, url));
  }
}

function messageOf({ tag, val }, url) {
  switch (tag) {
    case "timeout":
      return `no whole response of ${url} in time`;
    case "too-large":
      return `the response of ${url} is larger than ${val} bytes`;
    default:
      return val;
  }
}

export const http = { request, get: (url, options) => request("GET", url, options) };
