// Text as JSON and as UTF-8. The engine of a component has no TextEncoder.

/** The text of an entry: as it is, or of an object. */
export function textOf(entry) {
  if (typeof entry === "string") {
    return entry;
  }
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) {
    throw new TypeError(`an entry is an object or the text of one, not ${JSON.stringify(entry)}`);
  }
  return JSON.stringify(entry);
}

/** How many bytes a text takes in UTF-8. */
export function utf8Length(text) {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair adds one byte: four for both.
    length += unit < 0x80 ? 0 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return length;
}

/** A text in UTF-8. Half a surrogate pair becomes a replacement mark. */
export function encodeUtf8(text) {
  const bytes = [];
  for (const character of text) {
    const raw = character.codePointAt(0);
    const code = raw >= 0xd800 && raw < 0xe000 ? 0xfffd : raw;
    if (code < 0x80) {
      bytes.push(code);
    } else if (code < 0x800) {
      bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    } else if (code < 0x10000) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** The text of UTF-8 bytes; what is no UTF-8 becomes a replacement mark. */
export function decodeUtf8(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; ) {
    const [code, size] = codeAt(bytes, i);
    parts.push(String.fromCodePoint(code));
    i += size;
  }
  return parts.join("");
}

/** The code point at a position and how many bytes it takes; a wrong byte is one replacement mark. */
function codeAt(bytes, i) {
  const first = bytes[i];
  if (first < 0x80) {
    return [first, 1];
  }
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  let code = first & (0x7f >> size);
  for (let k = 1; k < size; k++) {
    const next = bytes[i + k];
    if (next === undefined || (next & 0xc0) !== 0x80) {
      return [0xfffd, 1];
    }
    code = (code << 6) | (next & 63);
  }
  const smallest = [0, 0, 0x80, 0x800, 0x10000][size];
  const valid = first >= 0xc0 && first < 0xf8 && code >= smallest && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? [code, size] : [0xfffd, 1];
}
