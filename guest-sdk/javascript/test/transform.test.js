// What a transform can rely on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidConfig, defineTransform, drop, extend, keep, refuse, replace, split } from "../transform.js";
import { FakeHost } from "../testing/host.js";

test("each entry gets its verdict in order, and knows its source", () => {
  const transform = defineTransform({ apply: ({ n }, { source }) => (n ? drop() : refuse(source)) });
  assert.deepEqual(transform.apply("http", ['{"n":0}', '{"n":1}']), [{ tag: "refuse", val: "http" }, { tag: "drop" }]);
});

test("what can be told by the text is not parsed", () => {
  const transform = defineTransform({
    applyText: (text) => (text.includes("password") ? undefined : keep()),
    apply: (entry) => replace({ ...entry, password: "***" }),
  });
  const verdicts = transform.apply("http", ["not even JSON", '{"password":"x"}']);
  assert.deepEqual(verdicts, [{ tag: "keep" }, { tag: "replace", val: '{"password":"***"}' }]);
});

test("what is no object is left to loglite", () => {
  assert.deepEqual(defineTransform({ apply: drop }).apply("http", ["[1]", "null"]), [keep(), keep()]);
});

test("fields are added without touching the entry's own text", () => {
  const add = (text, fields) => extend({ entry: JSON.parse(text), text }, fields).val;
  assert.equal(add('{"id": 12345678901234567890 }\n', { a: 1 }), '{"id": 12345678901234567890,"a":1}');
  assert.equal(add("{}", { a: 1 }), '{"a":1}');
  assert.equal(add('{"a": 0, "b": 1}', { a: 2 }), '{"a":2,"b":1}');
  assert.deepEqual(extend({ entry: {}, text: "{}" }, {}), keep());
});

test("an entry can be split", () => {
  assert.deepEqual(split([{ a: 1 }, '{"a":2}']), { tag: "split", val: ['{"a":1}', '{"a":2}'] });
});

test("a forgotten verdict is an error that names the way out", () => {
  assert.throws(() => defineTransform({ apply() {} }).apply("http", ["{}"]), /must return keep\(\)/);
});

test("an invalid configuration is told", () => {
  new FakeHost();
  const transform = defineTransform({ apply: keep, configure() { throw new InvalidConfig("`a` is missing"); } });
  assert.throws(() => transform.configure("{}"), { tag: "invalid-config", val: "`a` is missing" });
});
