//! Reads the text of one entry: its members go to the slots of their columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::bind::{Binder, Slots};
use crate::domain::RowBatchBuilder;

/// Reads entries one after another.
pub(super) struct Reader<'b, 'a> {
    pub(super) binder: &'b Binder,
    pub(super) slots: Slots<'a>,
    /// The last member's value in the object that was read last; tells where the object ends.
    pub(super) last_value: Option<&'a RawValue>,
}

/// What a JSON value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An object; its members are in the slots.
    Object,
    /// Something that is no entry.
    Other(&'static str),
}

/// Reads one value; an object's members go to the slots.
pub(super) struct ValueSeed<'r, 'b, 'a>(pub(super) &'r mut Reader<'b, 'a>);

/// Reads a key, borrowed where it holds no escape.
pub(super) struct KeySeed;

impl<'b, 'a> Reader<'b, 'a> {
    pub(super) fn new(binder: &'b Binder) -> Self {
        Self { binder, slots: binder.slots(), last_value: None }
    }

    /// Packs what was read as a row, or says what is wrong with it.
    pub(super) fn pack(
        &mut self,
        rows: &mut RowBatchBuilder,
        ignored: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        self.binder.pack(&mut self.slots, rows, ignored)
    }

    /// Reads a text that is one value and nothing else. It is read whole before anything is packed, so a fault behind
    /// a closing brace concerns the whole entry, too. After an error the slots are to be cleared.
    pub(super) fn read(&mut self, text: &'a str) -> serde_json::Result<Found> {
        let mut json = serde_json::Deserializer::from_str(text);
        let found = ValueSeed(self).deserialize(&mut json)?;
        json.end()?;
        Ok(found)
    }
}

/// Why something that is JSON is no entry.
pub(super) fn no_object(what: &str) -> String {
    format!("expected a JSON object, found {what}")
}

/// Whether a text is an entry, without reading its values.
///
/// # Errors
/// Why it is none.
pub fn check_entry(text: &str) -> Result<(), String> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    match value.get().as_bytes().first() {
        Some(b'{') => Ok(()),
        Some(b'[') => Err(no_object("an array")),
        Some(b'"') => Err(no_object("a string")),
        Some(b't' | b'f') => Err(no_object("a boolean")),
        Some(b'n') => Err(no_object("null")),
        _ => Err(no_object("a number")),
    }
}

impl<'a> DeserializeSeed<'a> for ValueSeed<'_, '_, 'a> {
    type Value = Found;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ValueSeed<'_, '_, 'a> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut last_value = None;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            let value: &'a RawValue = map.next_value()?;
            self.0.binder.put(&mut self.0.slots, key, value);
            last_value = Some(value);
        }
        self.0.last_value = last_value;
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
