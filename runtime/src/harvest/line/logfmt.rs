//! Lines such as `level=info msg="it works" took=3ms cached`.

use std::borrow::Cow;

use super::entry::{EntryWriter, FieldValue};

/// Writes the pairs of a line as fields; a word without a value is true. Returns whether there was a pair.
pub(super) fn read(line: &str, entry: &mut EntryWriter<'_, '_>) -> bool {
    let mut has_pair = false;
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let (name, behind) = word(rest, b'=');
        match behind.strip_prefix('=') {
            Some(value) if !name.is_empty() => {
                let (text, behind) = value_of(value);
                entry.field(name, FieldValue::Text(&text));
                has_pair = true;
                rest = behind;
            }
            _ => {
                let (name, behind) = word(rest, b' ');
                entry.field(name, FieldValue::Json("true"));
                rest = behind;
            }
        }
        rest = rest.trim_ascii_start();
    }
    has_pair
}

/// The text up to white space or `end`, and what is behind it.
fn word(text: &str, end: u8) -> (&str, &str) {
    let is_end = |byte: u8| byte == end || byte.is_ascii_whitespace();
    text.split_at(text.bytes().position(is_end).unwrap_or(text.len()))
}

/// The value that a text begins with, and what is behind it.
fn value_of(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = word(text, b' ');
        return (value.into(), behind);
    };
    let end = closing_quote(quoted).unwrap_or(quoted.len());
    let (inner, behind) = quoted.split_at(end);
    (unescaped(inner), behind.strip_prefix('"').unwrap_or(behind))
}

/// Where the first quote is that is not escaped.
fn closing_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

/// Escapes as in JSON; others stay as they are.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    if let Ok(plain) = serde_json::from_str(&format!("\"{text}\"")) {
        return Cow::Owned(plain);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(quoted @ ('"' | '\\')) => plain.push(quoted),
            other => {
                plain.push('\\');
                plain.extend(other);
            }
        }
    }
    plain.into()
}
