//! Puts the mask in the place of what must not be seen.

use std::ops::Range;

use crate::json::{Token, Walk};
use crate::names::Names;
use crate::secrets::Secrets;

/// Masks texts of entries.
#[derive(Debug)]
pub(crate) struct Masker {
    names: Names,
    secrets: Secrets,
    /// What stands for a masked part of a text.
    plain: String,
    /// The same as a JSON string, quotes included.
    quoted: String,
}

impl Masker {
    pub(crate) fn new(names: Names, secrets: Secrets, mask: String) -> Self {
        let quoted = serde_json::Value::String(mask.clone()).to_string();
        Self { names, secrets, plain: mask, quoted }
    }

    /// The text with what must not be seen masked; none if there is nothing of that.
    pub(crate) fn masked(&self, text: &str) -> Option<String> {
        let mut copy = Copy { text, done: 0, made: String::new() };
        let mut walk = Walk::new(text);
        while let Some(token) = walk.token() {
            match token {
                Token::Key(key) => {
                    if self.names.contain(text.get(key).unwrap_or_default()) {
                        self.mask_value(walk.value(), &mut copy);
                    }
                }
                Token::Text(inside) => self.mask_text(inside, &mut copy),
                Token::Number(number) => {
                    if self.secrets.is_card(text.get(number.clone()).unwrap_or_default()) {
                        copy.put(number, &self.quoted);
                    }
                }
            }
        }
        copy.finish()
    }

    /// Masks whatever it is, except nothing.
    fn mask_value(&self, value: Range<usize>, copy: &mut Copy<'_>) {
        let text = copy.text.get(value.clone()).unwrap_or_default();
        if !matches!(text, "null" | "\"\"" | "") {
            copy.put(value, &self.quoted);
        }
    }

    /// Masks parts of a string.
    fn mask_text(&self, inside: Range<usize>, copy: &mut Copy<'_>) {
        let raw = copy.text.get(inside.clone()).unwrap_or_default();
        if memchr::memchr(b'\\', raw.as_bytes()).is_some() {
            return self.mask_escaped(raw, inside, copy);
        }
        if let Some(masked) = self.without_secrets(raw) {
            copy.put(inside.start.saturating_sub(1)..inside.end + 1, &masked);
        }
    }

    /// A string with escapes is looked at as its reader sees it.
    fn mask_escaped(&self, raw: &str, inside: Range<usize>, copy: &mut Copy<'_>) {
        let Ok(text) = serde_json::from_str::<String>(&format!("\"{raw}\"")) else { return };
        // Entries that were logged as text inside an entry have fields, too.
        let masked = if text.starts_with('{') { self.masked(&text) } else { None };
        let masked = masked.map(quoted).or_else(|| self.without_secrets(&text));
        if let Some(masked) = masked {
            copy.put(inside.start.saturating_sub(1)..inside.end + 1, &masked);
        }
    }

    /// The text with its secrets masked, as a JSON string; none if it has none.
    fn without_secrets(&self, text: &str) -> Option<String> {
        let mut copy = Copy { text, done: 0, made: String::new() };
        for found in self.secrets.find(text) {
            copy.put(found, &self.plain);
        }
        copy.finish().map(quoted)
    }
}

fn quoted(text: String) -> String {
    serde_json::Value::String(text).to_string()
}

/// A copy of a text, in which parts are replaced from left to right. Nothing is copied before the first of them.
struct Copy<'a> {
    text: &'a str,
    done: usize,
    made: String,
}

impl Copy<'_> {
    /// Puts this in the part's place, unless the part before it covers it.
    fn put(&mut self, part: Range<usize>, replacement: &str) {
        let Some(between) = self.text.get(self.done..part.start) else { return };
        self.made.push_str(between);
        self.made.push_str(replacement);
        self.done = part.end;
    }

    /// The copy, if anything was replaced.
    fn finish(mut self) -> Option<String> {
        if self.done == 0 {
            return None;
        }
        self.made.push_str(self.text.get(self.done..).unwrap_or_default());
        Some(self.made)
    }
}
