// What the transform does. Run by: npm test
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "../../guest-sdk/javascript/testing/host.js";
import { transform } from "./access_log.js";
import { parseLine } from "./line.js";

const COMMON = '203.0.113.9 - ann [29/Feb/2024:23:59:58 +0130] "GET /a?b=c HTTP/1.1" 200 512';
const COMBINED = '2001:db8::1 - - [01/Jan/2026:00:00:00 -0500] "POST /pay HTTP/2.0" 502 - "https://example.com/" "Agent \\"x\\" 1.0"';

function judge(config, ...entries) {
  new FakeHost();
  transform.configure(JSON.stringify(config));
  return transform.apply("http", entries.map((entry) => JSON.stringify(entry)));
}

test("a line in common format becomes fields", () => {
  assert.deepEqual(parseLine(COMMON), {
    timestamp: "2024-02-29T22:29:58.000Z",
    level: "INFO",
    remote_host: "203.0.113.9",
    user: "ann",
    method: "GET",
    path: "/a?b=c",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 512,
  });
});

test("a line in combined format has referer and user agent, without their escapes", () => {
  assert.deepEqual(parseLine(COMBINED), {
    timestamp: "2026-01-01T05:00:00.000Z",
    level: "ERROR",
    remote_host: "2001:db8::1",
    method: "POST",
    path: "/pay",
    protocol: "HTTP/2.0",
    status: 502,
    bytes: 0,
    referer: "https://example.com/",
    user_agent: 'Agent "x" 1.0',
  });
});

test("the level follows the status", () => {
  const level = (status) => parseLine(COMMON.replace("200 512", `${status} 0`)).level;
  assert.deepEqual(["101", "302", "404", "500"].map(level), ["INFO", "INFO", "WARNING", "ERROR"]);
});

test("a request that is none leaves the rest of the line readable", () => {
  const fields = parseLine(COMMON.replace("GET /a?b=c HTTP/1.1", "\\x16\\x03\\x01"));
  assert.deepEqual([fields.method, fields.status, fields.user], [undefined, 200, "ann"]);
});

test("users with spaces and fields of one's own are read or passed over", () => {
  const fields = parseLine(`${COMBINED.replace("- - [", "- ann smith [")} 0.004 "upstream"`);
  assert.deepEqual([fields.user, fields.user_agent], ["ann smith", 'Agent "x" 1.0']);
});

test("what is no line of an access log is none", () => {
  const lines = ["", "hello", COMMON.replace("29/Feb", "31/Feb"), COMMON.replace("Feb", "Foo"), COMMON.replace("23:59", "24:59"), COMMON.slice(0, -8)];
  assert.deepEqual(lines.map(parseLine), lines.map(() => undefined));
});

test("a long hostile line is told apart in no time", () => {
  const started = performance.now();
  assert.equal(parseLine(`a b ${" [".repeat(100_000)}`), undefined);
  assert.equal(parseLine(`${COMMON.slice(0, -7)} "${'\\"'.repeat(100_000)}`), undefined);
  assert.ok(performance.now() - started < 1000);
});

test("fields are added to the entry, whose own fields stay", () => {
  const [verdict] = judge({}, { message: COMMON, service: "web" });
  const entry = JSON.parse(verdict.val);
  assert.deepEqual([entry.service, entry.message, entry.status], ["web", COMMON, 200]);
});

test("the line's time and level take the place of the entry's", () => {
  const [verdict] = judge({ field: "line" }, { line: COMBINED, level: "DEBUG", timestamp: "2000-01-01T00:00:00Z" });
  const { level, timestamp } = JSON.parse(verdict.val);
  assert.deepEqual([level, timestamp], ["ERROR", "2026-01-01T05:00:00.000Z"]);
});

test("other entries are kept, or refused if so configured", () => {
  const others = [{ message: "hello" }, { other: 1 }, { message: 5 }];
  assert.deepEqual(judge({}, ...others).map(({ tag }) => tag), ["keep", "keep", "keep"]);
  assert.deepEqual(judge({ otherwise: "refuse" }, ...others)[0], { tag: "refuse", val: "`message` holds no line of an access log" });
});

test("a wrong configuration is named", () => {
  for (const config of [{ field: 5 }, { field: "" }, { otherwise: "drop" }, { feild: "a" }]) {
    assert.throws(() => judge(config), { tag: "invalid-config" });
  }
});
