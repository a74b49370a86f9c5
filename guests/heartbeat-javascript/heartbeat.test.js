// What the heartbeat does. Run by: npm test
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "../../guest-sdk/javascript/testing/host.js";
import { harvester } from "./heartbeat.js";

const run = (config) => harvester.run(JSON.stringify(config));

test("it beats once per interval until it is stopped", () => {
  const host = new FakeHost({ stopAfterSleeps: 3 });
  run({ interval: 2, service: "billing" });
  assert.deepEqual(host.stored.map(({ message }) => message), ["heartbeat 1", "heartbeat 2", "heartbeat 3"]);
  assert.deepEqual([host.stored[0].service, host.stored[0].level, host.slept], ["billing", "INFO", 6]);
  assert.match(host.stored[0].timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("counting goes on after a restart", () => {
  const host = new FakeHost({ checkpoint: Buffer.from("41") });
  run({});
  assert.equal(host.stored[0].message, "heartbeat 42");
  assert.equal(Buffer.from(host.checkpoint).toString(), "42");
});

test("a wrong interval is named", () => {
  new FakeHost();
  for (const interval of [0, -1, "5", true, null, 1e9]) {
    assert.throws(() => run({ interval }), ({ tag, val }) => tag === "invalid-config" && val.includes("`interval`"));
  }
});

test("an unknown key is named", () => {
  new FakeHost();
  assert.throws(() => run({ intervall: 1 }), { tag: "invalid-config" });
});
