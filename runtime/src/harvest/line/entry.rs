//! Writes an entry, field by field.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::json_string::push_string;
use super::shape::{Role, Shape};

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'a> {
    /// A string.
    Text(&'a str),
    /// Any value, as valid JSON.
    Json(&'a str),
}

/// Fields that an entry gets if it lacks them.
pub(super) type Defaults<'a> = &'a [(&'a str, FieldValue<'a>)];

/// An entry that is being written.
pub(super) struct EntryWriter<'s, 'o> {
    shape: &'s Shape,
    defaults: Defaults<'s>,
    out: &'o mut String,
    is_first: bool,
    /// Bits of the additions that it has.
    has: u64,
    /// The same of the defaults, by their places.
    has_default: u64,
    time: Option<Timestamp>,
}

impl<'s, 'o> EntryWriter<'s, 'o> {
    pub(super) fn new(shape: &'s Shape, defaults: Defaults<'s>, out: &'o mut String) -> Self {
        out.push('{');
        let (is_first, has, has_default, time) = (true, 0, 0, None);
        let mut entry = Self { shape, defaults, out, is_first, has, has_default, time };
        // Of a repeated key the last one counts: what is not watched for is written first.
        for addition in shape.additions.iter().filter(|addition| addition.bit == 0) {
            entry.member(&addition.json);
        }
        entry
    }

    /// Writes a field of any name.
    pub(super) fn field(&mut self, name: &str, value: FieldValue<'_>) {
        if let Some(role) = self.shape.role(name) {
            self.known(role, value);
            return;
        }
        self.note_default(name);
        self.comma();
        push_string(name, self.out);
        self.out.push(':');
        self.value(value);
    }

    /// Writes a field of which is known what is done with it.
    pub(super) fn known(&mut self, role: &Role, value: FieldValue<'_>) {
        if role.is_time
            && let Some(time) = self.read_time(value)
        {
            self.time = Some(time);
            return;
        }
        self.has |= role.bit;
        self.note_default(&role.name);
        self.member(&role.key);
        self.value(value);
    }

    /// Writes what is added, and the end.
    pub(super) fn finish(mut self, origin: &str) {
        let shape = self.shape;
        // Behind what the entry has in that column itself, as the last one counts.
        if let Some(time) = self.time {
            self.has |= shape.time.bit;
            self.note_default(&shape.timestamp_column);
            self.member(&shape.time.json);
            self.out.push('"');
            push_time(time, self.out);
            self.out.push('"');
        }
        self.add_defaults();
        for addition in shape.additions.iter().filter(|addition| addition.bit != 0) {
            if self.has & addition.bit == 0 {
                self.has |= addition.bit;
                self.member(&addition.json);
            }
        }
        let origin_column = shape.origin.as_ref().filter(|added| self.has & added.bit == 0);
        if let Some(addition) = origin_column.filter(|_| !origin.is_empty()) {
            self.member(&addition.json);
            push_string(origin, self.out);
        }
        self.out.push('}');
    }

    fn add_defaults(&mut self) {
        for (place, (name, value)) in self.defaults.iter().enumerate() {
            let bit = self.shape.bit_of(name);
            if self.has_default & default_bit(place) != 0 || self.has & bit != 0 {
                continue;
            }
            self.has |= bit;
            self.comma();
            push_string(name, self.out);
            self.out.push(':');
            self.value(*value);
        }
    }

    fn note_default(&mut self, name: &str) {
        if let Some(place) = self.defaults.iter().position(|(default, _)| *default == name) {
            self.has_default |= default_bit(place);
        }
    }

    fn read_time(&self, value: FieldValue<'_>) -> Option<Timestamp> {
        match value {
            FieldValue::Text(text) => self.shape.read_time(text),
            FieldValue::Json("null") => None,
            FieldValue::Json(json) if json.contains('\\') => {
                self.shape.read_time(&serde_json::from_str::<String>(json).unwrap_or_default())
            }
            FieldValue::Json(json) => self.shape.read_time(json.trim_matches('"')),
        }
    }

    fn member(&mut self, json: &str) {
        self.comma();
        self.out.push_str(json);
    }

    fn comma(&mut self) {
        if !self.is_first {
            self.out.push(',');
        }
        self.is_first = false;
    }

    fn value(&mut self, value: FieldValue<'_>) {
        match value {
            FieldValue::Text(text) => push_string(text, self.out),
            FieldValue::Json(json) => self.out.push_str(json),
        }
    }
}

/// ISO 8601, UTC, milliseconds or finer.
pub(super) fn time_text(time: Timestamp) -> String {
    let mut text = String::new();
    push_time(time, &mut text);
    text
}

fn push_time(time: Timestamp, out: &mut String) {
    let nanos = time.subsec_nanosecond();
    let digits = match (nanos % 1_000_000, nanos % 1_000) {
        (0, _) => 3,
        (_, 0) => 6,
        _ => 9,
    };
    DateTimePrinter::new()
        .precision(Some(digits))
        .print_timestamp(&time, out)
        .expect("a string takes any text");
}

/// Those behind the last bit share it: they are there together or not at all.
fn default_bit(place: usize) -> u64 {
    1 << place.min(63)
}
