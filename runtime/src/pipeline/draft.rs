//! Entries that are bound as they came, and their texts beside them: transforms may still change them.
//!
//! An entry that transforms keep is parsed once, as without transforms, and where it stands in the body is told by
//! where its last value was found.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::bound::Bound;
use super::json_text::value_end;
use crate::domain::EntryText;

/// Entries on their way to transforms.
#[derive(Debug, Default)]
pub struct Draft {
    /// What they are without transforms.
    pub(super) bound: Bound,
    /// Those that are JSON objects, in order.
    pub(super) texts: Vec<EntryText>,
    /// Where each of them comes from.
    pub(super) places: Vec<Place>,
}

/// What is known of an entry beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its position in what the source handed over.
    pub(super) index: usize,
    /// It has keys that are no column.
    pub(super) has_unknown: bool,
}

/// Notes where entries stand in a body while it is read.
pub(super) struct Outline<'a> {
    body: &'a [u8],
    /// The body as text, or what has the same text where entries stand.
    whole: &'a Arc<String>,
    /// The end of what has been read.
    at: usize,
    texts: Vec<EntryText>,
    places: Vec<Place>,
}

impl Draft {
    /// Bytes of the entries.
    pub(super) fn byte_len(&self) -> usize {
        self.texts.iter().map(EntryText::byte_len).sum()
    }
}

impl<'a> Outline<'a> {
    /// Of this body, from its begin on. Entries become slices of `whole`.
    pub(super) fn new(body: &'a [u8], whole: &'a Arc<String>) -> Self {
        Self { body, whole, at: 0, texts: Vec::new(), places: Vec::new() }
    }

    /// The next entries stand in this part of the body.
    pub(super) fn enter(&mut self, part: &[u8]) {
        self.at = self.offset(part);
    }

    /// Notes the value that was read just now: an object with a place, or something else.
    pub(super) fn note(&mut self, place: Option<Place>, last_value: Option<&'a RawValue>) {
        let start = self.skip(self.at, |byte| byte.is_ascii_whitespace() || byte == b',');
        let Some(place) = place else {
            self.at = value_end(self.body, start);
            return;
        };
        let members_end = last_value.map_or(start + 1, |value| {
            let text = value.get().as_bytes();
            self.offset(text) + text.len()
        });
        self.at = self.skip(members_end, |byte| byte.is_ascii_whitespace()) + 1;
        let text = EntryText::slice(self.whole, start..self.at);
        self.texts.push(text.expect("an entry begins and ends with a brace, a character"));
        self.places.push(place);
    }

    /// The entries with what they are without transforms.
    pub(super) fn finish(self, bound: Bound) -> Draft {
        Draft { bound, texts: self.texts, places: self.places }
    }

    fn skip(&self, from: usize, is_between: impl Fn(u8) -> bool) -> usize {
        let rest = self.body.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| is_between(**byte)).count()
    }

    /// Where a slice of the body begins.
    fn offset(&self, slice: &[u8]) -> usize {
        slice.as_ptr().addr().wrapping_sub(self.body.as_ptr().addr())
    }
}
