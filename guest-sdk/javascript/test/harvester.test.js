// What a harvester can rely on.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EntryTooLarge,
  Failure,
  HttpError,
  InvalidConfig,
  defineHarvester,
  http,
  ingest,
  lastCheckpoint,
  lastCheckpointBytes,
  log,
  sleep,
} from "../harvester.js";
import { FakeHost } from "../testing/host.js";

const text = (bytes) => Buffer.from(bytes).toString();

test("a list within the limits is one call with its checkpoint", () => {
  const host = new FakeHost();
  const receipt = ingest([{ n: 1 }, '{"n":2}'], { offset: 2 });
  assert.deepEqual([receipt.stored, host.calls, text(host.checkpoint)], [2, [2], '{"offset":2}']);
});

test("too many entries are cut, keep their order, and the checkpoint goes with the last call", () => {
  const host = new FakeHost({ maxEntries: 2 });
  const seen = [];
  const store = host.ingest.bind(host);
  host.ingest = (entries, checkpoint) => {
    const receipt = store(entries, checkpoint);
    seen.push(checkpoint === null ? null : text(checkpoint));
    return receipt;
  };
  assert.equal(ingest([0, 1, 2, 3, 4].map((n) => ({ n })), 5).stored, 5);
  assert.deepEqual([host.calls, host.stored.map(({ n }) => n), seen], [[2, 2, 1], [0, 1, 2, 3, 4], [null, null, "5"]]);
});

test("too many bytes are cut by their size in utf-8", () => {
  const host = new FakeHost({ maxBytes: 40 });
  ingest([{ m: "ü".repeat(10) }, { m: "€".repeat(8) }, { m: "😀".repeat(6) }], new Uint8Array([1, 2]));
  assert.deepEqual(host.calls, [1, 1, 1]);
});

test("nothing is stored twice when a later call is too large", () => {
  const entries = [{ n: 0 }, { n: 1 }, { m: "x".repeat(40) }, { m: "y".repeat(40) }];
  const host = new FakeHost({ maxEntries: 2, maxBytes: 60 });
  ingest(entries);
  assert.deepEqual(host.stored, entries);
});

test("refused entries are named by their place in the whole list", () => {
  new FakeHost({ maxEntries: 2, refuse: ({ n }) => (n % 2 ? "odd" : undefined) });
  const { refused } = ingest([0, 1, 2, 3].map((n) => ({ n })));
  assert.deepEqual(refused, [{ index: 1, reason: "odd" }, { index: 3, reason: "odd" }]);
});

test("an entry that no call can carry is an error that names it", () => {
  new FakeHost({ maxBytes: 20 });
  assert.throws(() => ingest([{}, { m: "x".repeat(30) }]), (error) => error instanceof EntryTooLarge && error.index === 1);
});

test("a checkpoint comes back as it was", () => {
  new FakeHost();
  assert.equal(lastCheckpoint(0), 0);
  ingest([], { page: "ä😀" });
  assert.deepEqual(lastCheckpoint(), { page: "ä😀" });
  ingest([], new Uint8Array([255, 0]));
  assert.deepEqual([...lastCheckpointBytes()], [255, 0]);
});

test("sleep tells when to end", () => {
  const host = new FakeHost({ stopAfterSleeps: 2 });
  assert.deepEqual([sleep(0.5), sleep(0.5), host.slept], [false, true, 1]);
});

test("being told to stop is a normal end", () => {
  new FakeHost().cutOff = true;
  assert.equal(defineHarvester({ run: () => ingest([{}]) }).run("{}"), undefined);
});

test("failures are told apart, and other errors bring their stack to the log", () => {
  const host = new FakeHost();
  const failWith = (error) => () => defineHarvester({ run() { throw error; } }).run("{}");
  assert.throws(failWith(new InvalidConfig("`a` is wrong")), { tag: "invalid-config", val: "`a` is wrong" });
  assert.throws(failWith(new Failure("away")), { tag: "failed", val: "away" });
  assert.throws(failWith(new RangeError("far")), { tag: "failed", val: "RangeError: far" });
  assert.match(host.messages[0][1], /far[^]*harvester.test.js/);
});

test("only an object with run is a harvester", () => {
  assert.throws(() => defineHarvester({}), /run\(config\)/);
});

test("a request reaches the host as it was made", () => {
  const host = new FakeHost({ respond: () => ({ status: 200, headers: [["x-a", "1"]], body: Buffer.from('{"ä":1}') }) });
  const response = http.request("POST", "https://a/", { headers: { X: "1" }, body: "ä", timeout: 1.5 });
  const { method, headers, body, timeoutMs } = host.requests[0];
  assert.deepEqual([method, headers, text(body), timeoutMs], ["POST", [["X", "1"]], "ä", 1500]);
  assert.deepEqual([response.ok, response.header("X-A"), response.json()], [true, "1", { ä: 1 }]);
});

test("a server that is not granted is an error with its reason", () => {
  new FakeHost();
  assert.throws(() => http.get("https://a/"), (error) => error instanceof HttpError && error.reason === "denied");
});

test("log writes with its level", () => {
  const host = new FakeHost();
  log.warn("careful");
  assert.deepEqual(host.messages, [["warn", "careful"]]);
});
