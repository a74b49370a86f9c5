// One line of an access log, as Apache httpd and nginx write it by default.
//
//   host identity user [day/month/year:hour:minute:second zone] "request" status bytes
//   … "referer" "user agent"                                                            (combined)

const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
const TIME = String.raw`\[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\]`;
// Servers may be set up to append fields of their own: they are ignored.
const LINE = new RegExp(`^(\\S+) \\S+ (.*?) ${TIME} ${QUOTED} (\\d{3}) (\\d+|-)(?: ${QUOTED} ${QUOTED})?(?: .*)?$`);
const REQUEST = /^([A-Z]+) (.+) (HTTP\/[\d.]+)$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The fields of a line; undefined if it is none. What the server wrote as `-` has no field. */
export function parseLine(line) {
  const match = LINE.exec(line.trimEnd());
  if (match === null) {
    return undefined;
  }
  const timestamp = timeOf(match.slice(3, 12));
  if (timestamp === undefined) {
    return undefined;
  }
  const [, host, user] = match;
  const [request, status, bytes, referer, agent] = match.slice(12);
  const fields = {
    timestamp,
    level: levelOf(Number(status)),
    remote_host: host,
    user: valueOf(user),
    ...requestOf(request),
    status: Number(status),
    bytes: bytes === "-" ? 0 : Number(bytes),
    referer: valueOf(referer),
    user_agent: valueOf(agent),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The time in UTC, ISO 8601; undefined if there is no such time. */
function timeOf([day, month, year, hour, minute, second, sign, zoneHours, zoneMinutes]) {
  const at = [year, MONTHS.indexOf(month), day, hour, minute, second].map(Number);
  const local = new Date(Date.UTC(...at));
  // A date that does not exist, such as the 31st of February, would silently become another one. A leap second may.
  if (at[1] < 0 || local.getUTCDate() !== at[2] || at[3] > 23 || at[4] > 59 || at[5] > 60) {
    return undefined;
  }
  const offset = (sign === "-" ? -1 : 1) * (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return new Date(local.getTime() - offset).toISOString();
}

/** Method, path and protocol; nothing for a request that is none, such as a TLS handshake on a plain port. */
function requestOf(request) {
  const match = REQUEST.exec(valueOf(request) ?? "");
  return match === null ? {} : { method: match[1], path: match[2], protocol: match[3] };
}

function levelOf(status) {
  if (status >= 500) {
    return "ERROR";
  }
  return status >= 400 ? "WARNING" : "INFO";
}

/** A value without its escapes of quote and backslash; undefined for `-`. */
function valueOf(text) {
  return text === undefined || text === "-" ? undefined : text.replace(/\\(["\\])/g, "$1");
}
