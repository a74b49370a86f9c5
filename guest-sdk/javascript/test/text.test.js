// UTF-8 is the same here as everywhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeUtf8, encodeUtf8, textOf, utf8Length } from "../lib/text.js";

const SAMPLES = ["", "plain", "grün €", "😀 and 𝄞", "\u0000\u007f\u0080\u07ff\u0800\uffff"];

test("text is encoded, decoded and measured as by the platform", () => {
  for (const sample of SAMPLES) {
    const expected = new TextEncoder().encode(sample);
    assert.deepEqual(encodeUtf8(sample), expected);
    assert.equal(utf8Length(sample), expected.length);
    assert.equal(decodeUtf8(expected), sample);
  }
});

test("bytes that are no utf-8 become replacement marks", () => {
  for (const bytes of [[0xff], [0xc3], [0xe2, 0x82], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80], [0x80, 0x41]]) {
    const decoded = decodeUtf8(Uint8Array.from(bytes));
    assert.match(decoded, /^\ufffd+A?$/);
  }
});

test("half a surrogate pair is encoded as a replacement mark", () => {
  assert.deepEqual(encodeUtf8("\ud800"), new TextEncoder().encode("\ufffd"));
});

test("an entry is an object or its text", () => {
  assert.equal(textOf({ a: 1 }), '{"a":1}');
  assert.throws(() => textOf([1]), /an entry is an object/);
});
