//! Binds one entry to the schema: each value goes to the column of its name.
//!
//! A value stays the text that was sent until it is packed; nothing is parsed twice and no map is built.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::json_text::{MAX_DEPTH, compact};
use crate::domain::{ColumnId, RowBatchBuilder, Schema, SourceName, Value};

/// What happens to keys that are no column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are dropped and their names reported.
    Report,
    /// They become members of the object in this JSON column.
    Fold(ColumnId),
}

/// Knows where each key of an entry goes.
#[derive(Debug)]
pub struct Binder {
    places: HashMap<String, Place>,
    columns: Vec<String>,
    unknown: UnknownFields,
    /// The place of the column that unknown keys are folded into.
    fold: Option<usize>,
    /// The place of the timestamp; none when SQLite makes it.
    timestamp: Option<usize>,
    /// The place of the column that gets the source's name.
    source: Option<usize>,
}

/// What the columns are for that loglite fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnColumns {
    /// What happens to keys that are no column.
    pub unknown: UnknownFields,
    /// What gets the name of an entry's source where the entry has no value for it.
    pub source: Option<ColumnId>,
}

/// What entries of a source get where they have no value of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp<'a> {
    /// The source's name.
    pub(super) source: &'a str,
    /// The timestamp; without it the column's DEFAULT decides.
    pub(super) arrival: Option<&'a str>,
}

/// Where a key's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The row's value at this position.
    Value(usize),
    /// Nowhere: loglite or SQLite makes the value.
    Ignored,
}

/// The entry under construction; reused from entry to entry.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    values: Vec<Option<&'a RawValue>>,
    unknown: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// The value behind the last one that was put: entries mostly name columns in the order of the table.
    expected: usize,
    text: String,
    pub(super) stamp: Stamp<'a>,
}

impl Binder {
    /// A binder for this schema.
    #[must_use]
    pub fn new(schema: &Arc<Schema>, own: OwnColumns) -> Self {
        let OwnColumns { unknown, source } = own;
        let mut source_place = None;
        let mut places = HashMap::new();
        let mut columns = Vec::new();
        let mut fold = None;
        let mut timestamp = None;
        for id in schema.ids() {
            let name = schema.column(id).name.clone();
            if !schema.is_writable(id) {
                places.insert(name, Place::Ignored);
                continue;
            }
            if unknown == UnknownFields::Fold(id) {
                fold = Some(columns.len());
            }
            if id == schema.timestamp() {
                timestamp = Some(columns.len());
            }
            if source == Some(id) {
                source_place = Some(columns.len());
            }
            places.insert(name.clone(), Place::Value(columns.len()));
            columns.push(name);
        }
        Self { places, columns, unknown, fold, timestamp, source: source_place }
    }

    /// Whether keys that are no column are dropped and their names reported.
    pub(super) fn reports_unknown(&self) -> bool {
        self.unknown == UnknownFields::Report
    }

    pub(super) fn slots<'a>(&self) -> Slots<'a> {
        Slots {
            values: vec![None; self.columns.len()],
            unknown: Vec::new(),
            expected: 0,
            text: String::new(),
            stamp: Stamp::of_http(),
        }
    }

    /// Puts one key's value in its place. Of a repeated key the last value counts.
    pub(super) fn put<'a>(&self, slots: &mut Slots<'a>, key: Cow<'a, str>, value: &'a RawValue) {
        let place = match self.columns.get(slots.expected) {
            Some(column) if *column == key => Some(Place::Value(slots.expected)),
            _ => self.places.get(key.as_ref()).copied(),
        };
        match place {
            Some(Place::Value(at)) => {
                slots.expected = at + 1;
                if let Some(slot) = slots.values.get_mut(at) {
                    *slot = Some(value);
                }
            }
            Some(Place::Ignored) => {}
            None => slots.unknown.push((key, value)),
        }
    }

    /// Packs the entry as a row, or says what is wrong with it. The slots are empty afterwards.
    pub(super) fn pack(
        &self,
        slots: &mut Slots<'_>,
        rows: &mut RowBatchBuilder,
        ignored: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let outcome = self.pack_values(slots, rows);
        if outcome.is_ok() && self.reports_unknown() {
            for (key, _) in &slots.unknown {
                if !ignored.contains(key.as_ref()) {
                    ignored.insert(key.clone().into_owned());
                }
            }
        }
        slots.clear();
        outcome
    }

    fn pack_values(&self, slots: &mut Slots<'_>, rows: &mut RowBatchBuilder) -> Result<(), String> {
        for (at, name) in self.columns.iter().enumerate() {
            if Some(at) == self.fold && !slots.unknown.is_empty() {
                rows.push(Value::Text(folded(slots, at, name)?));
                continue;
            }
            let raw = slots.values.get(at).copied().flatten().map(RawValue::get);
            match raw {
                Some(raw) => rows.push_json(raw, name, &mut slots.text)?,
                None => rows.push(self.stamped(at, slots.stamp)),
            }
        }
        Ok(())
    }

    /// What a column gets that the entry has no value for.
    fn stamped<'a>(&self, at: usize, stamp: Stamp<'a>) -> Value<'a> {
        let text = if Some(at) == self.timestamp {
            stamp.arrival
        } else if Some(at) == self.source {
            Some(stamp.source)
        } else {
            None
        };
        text.map_or(Value::Missing, Value::Text)
    }
}

impl Stamp<'_> {
    /// Of the entries of a request.
    pub(super) fn of_http() -> Self {
        Self { source: SourceName::HTTP, arrival: None }
    }
}

impl OwnColumns {
    /// Unknown keys are reported, and sources leave no name.
    #[must_use]
    pub fn none() -> Self {
        Self { unknown: UnknownFields::Report, source: None }
    }
}

impl Slots<'_> {
    /// Whether the entry has keys that are no column.
    pub(super) fn has_unknown(&self) -> bool {
        !self.unknown.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.values.fill(None);
        self.unknown.clear();
        self.expected = 0;
    }
}

/// The object of the column that keeps unknown keys: what the entry itself has there, then the unknown keys.
/// A value there that is no object is kept under the column's own name.
fn folded<'s>(slots: &'s mut Slots<'_>, at: usize, name: &str) -> Result<&'s str, String> {
    let own = slots.values.get(at).copied().flatten().map(RawValue::get);
    let mut members: Vec<(Cow<'_, str>, &str)> = Vec::new();
    match own {
        None | Some("null") => {}
        Some(text) if text.starts_with('{') => {
            let object: Members<'_> =
                serde_json::from_str(text).map_err(|error| format!("`{name}`: {error}"))?;
            members.extend(object.0.into_iter().map(|(key, value)| (key, value.get())));
        }
        Some(text) => members.push((Cow::Borrowed(name), text)),
    }
    // By name, as an entry may have a hundred thousand keys.
    let mut places: HashMap<String, usize> =
        members.iter().enumerate().map(|(at, (key, _))| (key.clone().into_owned(), at)).collect();
    for (key, value) in &slots.unknown {
        match places.get(key.as_ref()).and_then(|at| members.get_mut(*at)) {
            Some(member) => member.1 = value.get(),
            None => {
                places.insert(key.clone().into_owned(), members.len());
                members.push((Cow::Borrowed(key), value.get()));
            }
        }
    }
    let mut text = String::from("{");
    for (key, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(key.as_ref()).to_string());
        text.push(':');
        compact(value, &mut text).map_err(|_| too_deep(&key))?;
    }
    text.push('}');
    slots.text = text;
    Ok(&slots.text)
}

/// A string in which halves of surrogate pairs, which are no text, are replaced by U+FFFD. Python sends them for file
/// names that are not UTF-8.
struct LossyText(String);

impl<'de> serde::Deserialize<'de> for LossyText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = LossyText;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<LossyText, E> {
                let mut text = String::with_capacity(bytes.len());
                for chunk in bytes.utf8_chunks() {
                    text.push_str(chunk.valid());
                    // A half is three bytes, each of which is a chunk of its own; only the first starts a character.
                    if chunk.invalid().first().is_some_and(|byte| *byte >= 0xC0) {
                        text.push(char::REPLACEMENT_CHARACTER);
                    }
                }
                Ok(LossyText(text))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}

/// An object's members in order, unparsed.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key_seed(super::reader::KeySeed)? {
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl RowBatchBuilder {
    /// Packs one JSON value: numbers, text and booleans as they are, objects and arrays as compact JSON text.
    fn push_json(&mut self, raw: &str, name: &str, scratch: &mut String) -> Result<(), String> {
        match raw.as_bytes().first() {
            Some(b'"') => self.push_string(raw, name)?,
            Some(b'n') => self.push(Value::Null),
            Some(b't') => self.push(Value::Integer(1)),
            Some(b'f') => self.push(Value::Integer(0)),
            Some(b'{' | b'[') => {
                scratch.clear();
                compact(raw, scratch).map_err(|_| too_deep(name))?;
                self.push(Value::Text(scratch));
            }
            _ => self.push(number(raw, name)?),
        }
        Ok(())
    }

    fn push_string(&mut self, raw: &str, name: &str) -> Result<(), String> {
        let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            self.push(Value::Text(inner));
            return Ok(());
        }
        let LossyText(text) =
            serde_json::from_str(raw).map_err(|error| format!("`{name}`: {error}"))?;
        self.push(Value::Text(&text));
        Ok(())
    }
}

fn number(raw: &str, name: &str) -> Result<Value<'static>, String> {
    if raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        let real: f64 = raw.parse().map_err(|_| format!("`{name}`: {raw} is no number"))?;
        if real.is_infinite() {
            return Err(format!("`{name}`: {raw} is beyond a 64-bit floating point number"));
        }
        return Ok(Value::Real(real));
    }
    let integer = raw.parse().map_err(|_| {
        format!("`{name}`: {} is beyond a 64-bit integer; send it as a string", shortened(raw))
    })?;
    Ok(Value::Integer(integer))
}

fn shortened(raw: &str) -> Cow<'_, str> {
    match raw.get(..40) {
        Some(start) if raw.len() > 40 => format!("{start}…").into(),
        _ => raw.into(),
    }
}

fn too_deep(name: &str) -> String {
    format!("`{name}`: nested deeper than {MAX_DEPTH} levels")
}
