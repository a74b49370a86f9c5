//! Entries in a body: one JSON object, an array of them, or one per line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::bind::{Binder, Slots};
use crate::domain::{Refusal, RowBatch, RowBatchBuilder};

/// A batch is closed at this many rows or bytes, so that no source holds the writer for long.
const BATCH_ROWS: usize = 1_000;
const BATCH_BYTES: usize = 1 << 20;
/// Entries of one body: bounds what a small compressed body can make of itself, here and in the answer.
const MAX_ENTRIES: usize = 200_000;

/// A body that holds no entries at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Not JSON.
    #[error("{0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("expected a JSON object or an array of objects, found {0}")]
    NotEntries(&'static str),
    /// More entries than one body may hold.
    #[error("the body holds more than {MAX_ENTRIES} entries; send fewer at once")]
    TooMany,
    /// Not UTF-8.
    #[error("the body is not UTF-8 (byte {0}); JSON text must be")]
    NotUtf8(usize),
}

/// The entries of a body, bound to the schema.
#[derive(Debug, Default)]
pub struct Bound {
    /// The rows.
    pub batches: Vec<RowBatch>,
    /// Entries that are no rows, by rising index.
    pub refused: Vec<Refusal>,
    /// Keys that were dropped because they are no column.
    pub ignored_fields: BTreeSet<String>,
}

/// Collects entries while a body is read.
struct Collector<'b, 'a> {
    binder: &'b Binder,
    slots: Slots<'a>,
    rows: RowBatchBuilder,
    bound: Bound,
    next_index: usize,
}

impl Binder {
    /// Reads one object or an array of objects. An element that can't be a row is refused alone.
    ///
    /// # Errors
    /// [`BadBody`] when the body is no JSON or neither object nor array; then nothing of it counts.
    pub fn read_json(&self, body: &[u8]) -> Result<Bound, BadBody> {
        let text = str::from_utf8(body).map_err(|error| BadBody::NotUtf8(error.valid_up_to()))?;
        let mut collector = Collector::new(self, body.len());
        let mut json = serde_json::Deserializer::from_str(text);
        let outcome = match text.trim_start().as_bytes().first() {
            Some(b'{') => EntrySeed(&mut collector).deserialize(&mut json),
            Some(b'[') => ArraySeed(&mut collector).deserialize(&mut json),
            _ => return Err(not_entries(text)),
        };
        let outcome = outcome.and_then(|()| json.end());
        if collector.is_full() {
            return Err(BadBody::TooMany);
        }
        outcome.map_err(|error| BadBody::NotJson(explain(&error)))?;
        Ok(collector.finish())
    }

    /// Reads one object per line; blank lines don't count. A line that can't be a row is refused alone.
    ///
    /// # Errors
    /// [`BadBody::TooMany`]; then nothing of it counts.
    pub fn read_ndjson(&self, body: &[u8]) -> Result<Bound, BadBody> {
        let mut collector = Collector::new(self, body.len());
        for line in Lines(body) {
            if !line.trim_ascii().is_empty() {
                collector.line(line);
            }
            if collector.is_full() {
                return Err(BadBody::TooMany);
            }
        }
        Ok(collector.finish())
    }
}

impl<'b, 'a> Collector<'b, 'a> {
    /// `body_bytes` is the size of the body: what its values take is mostly less.
    fn new(binder: &'b Binder, body_bytes: usize) -> Self {
        Self {
            binder,
            slots: binder.slots(),
            rows: RowBatchBuilder::with_capacity(body_bytes.min(BATCH_BYTES)),
            bound: Bound::default(),
            next_index: 0,
        }
    }

    fn line(&mut self, line: &'a [u8]) {
        let text = match str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => {
                return self
                    .refuse(format!("not UTF-8 at byte {} of its line", error.valid_up_to()));
            }
        };
        let index = self.next_index;
        let mut json = serde_json::Deserializer::from_str(text);
        // The entry is read whole before it is packed, so a fault behind its closing brace refuses it too.
        let outcome =
            LineSeed(self).deserialize(&mut json).and_then(|found| json.end().map(|()| found));
        match outcome {
            Ok(Found::Object) => self.pack(),
            Ok(Found::Other(what)) => self.refuse(no_object(what)),
            Err(error) => self.refuse(explain(&error)),
        }
        debug_assert_eq!(self.next_index, index + 1);
    }

    fn pack(&mut self) {
        match self.binder.pack(&mut self.slots, &mut self.rows, &mut self.bound.ignored_fields) {
            Ok(()) => {
                self.rows.finish_row(self.next_index);
                self.next_index += 1;
            }
            Err(reason) => {
                self.rows.abandon_row();
                self.refuse(reason);
            }
        }
        if self.rows.len() >= BATCH_ROWS || self.rows.byte_len() >= BATCH_BYTES {
            self.bound.batches.push(std::mem::take(&mut self.rows).build());
        }
    }

    fn refuse(&mut self, error: String) {
        self.slots.clear();
        self.bound.refused.push(Refusal { index: self.next_index, error });
        self.next_index += 1;
    }

    fn is_full(&self) -> bool {
        self.next_index > MAX_ENTRIES
    }

    fn finish(mut self) -> Bound {
        if !self.rows.is_empty() {
            self.bound.batches.push(self.rows.build());
        }
        self.bound
    }
}

/// What a JSON value turned out to be.
enum Found {
    /// An object; its members are in the slots.
    Object,
    /// Something that is no entry.
    Other(&'static str),
}

/// Reads one value of a line; an object's members go to the slots.
struct LineSeed<'c, 'b, 'a>(&'c mut Collector<'b, 'a>);

/// Reads one element of an array, or a whole body, and packs or refuses it.
struct EntrySeed<'c, 'b, 'a>(&'c mut Collector<'b, 'a>);

/// Reads an array of entries.
struct ArraySeed<'c, 'b, 'a>(&'c mut Collector<'b, 'a>);

/// Reads a key, borrowed where it holds no escape.
pub(super) struct KeySeed;

impl<'a> DeserializeSeed<'a> for EntrySeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        match LineSeed(self.0).deserialize(deserializer)? {
            Found::Object => self.0.pack(),
            Found::Other(what) => self.0.refuse(no_object(what)),
        }
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for LineSeed<'_, '_, 'a> {
    type Value = Found;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for LineSeed<'_, '_, 'a> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Found, A::Error> {
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let value: &'a RawValue = map.next_value()?;
            self.0.binder.put(&mut self.0.slots, key, value);
        }
        Ok(Found::Object)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Found, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Other("an array"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(Found::Other("a string"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other("a boolean"))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other("a number"))
    }
}

impl<'a> DeserializeSeed<'a> for ArraySeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for ArraySeed<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of JSON objects")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(EntrySeed(self.0))?.is_some() {
            if self.0.is_full() {
                return Err(serde::de::Error::custom("too many entries"));
            }
        }
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for KeySeed {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for KeySeed {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, key: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The lines of a body without their line feeds.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.0).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Some(line)
    }
}

/// Why a body that starts with neither `{` nor `[` holds no entries.
fn not_entries(text: &str) -> BadBody {
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(_) if text.trim().is_empty() => BadBody::NotEntries("an empty body"),
        Err(error) => BadBody::NotJson(explain(&error)),
        Ok(serde_json::Value::Null) => BadBody::NotEntries("null"),
        Ok(serde_json::Value::Bool(_)) => BadBody::NotEntries("a boolean"),
        Ok(serde_json::Value::String(_)) => BadBody::NotEntries("a string"),
        Ok(_) => BadBody::NotEntries("a number"),
    }
}

fn no_object(what: &str) -> String {
    format!("expected a JSON object, found {what}")
}

fn explain(error: &serde_json::Error) -> String {
    let hint = if error.to_string().starts_with("trailing characters") {
        "; for one object per line send `Content-Type: application/x-ndjson`"
    } else {
        ""
    };
    format!("invalid JSON: {error}{hint}")
}
