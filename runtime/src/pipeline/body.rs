//! Entries in a body: one JSON object, an array of them, or one per line.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::bind::Binder;
use super::bound::Bound;
use super::collector::Collector;
use super::draft::{Draft, Outline};
use super::reader::ValueSeed;

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

/// How entries stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One object or an array of objects. An element that can't be a row is refused alone.
    Json,
    /// One object per line; blank lines don't count. A line that can't be a row is refused alone.
    NdJson,
}

impl Binder {
    /// Reads the entries of a body.
    ///
    /// # Errors
    /// [`BadBody`] when there are too many, or the body as a whole is not what `layout` says; then nothing of it counts.
    pub fn read(&self, body: &[u8], layout: Layout) -> Result<Bound, BadBody> {
        let collector = Collector::new(self, body.len());
        Ok(match layout {
            Layout::Json => read_json(collector, text_of(body)?)?,
            Layout::NdJson => read_lines(collector, body)?,
        }
        .finish())
    }

    /// Reads the entries of a body for transforms, which get each one as it was sent: as slices of the body, which is
    /// not copied.
    ///
    /// # Errors
    /// As [`Binder::read`].
    pub fn draft(&self, body: Vec<u8>, layout: Layout) -> Result<Draft, BadBody> {
        match String::from_utf8(body) {
            Ok(text) => {
                let whole = Arc::new(text);
                let collector = self.drafter(whole.as_bytes(), &whole);
                Ok(match layout {
                    Layout::Json => read_json(collector, &whole)?,
                    Layout::NdJson => read_lines(collector, whole.as_bytes())?,
                }
                .finish_draft())
            }
            Err(error) if layout == Layout::Json => {
                Err(BadBody::NotUtf8(error.utf8_error().valid_up_to()))
            }
            Err(error) => {
                let body = error.into_bytes();
                let whole = Arc::new(legible(&body));
                Ok(read_lines(self.drafter(&body, &whole), &body)?.finish_draft())
            }
        }
    }

    fn drafter<'a>(&self, body: &'a [u8], whole: &'a Arc<String>) -> Collector<'_, 'a> {
        Collector::new(self, body.len()).with_outline(Outline::new(body, whole))
    }
}

fn text_of(body: &[u8]) -> Result<&str, BadBody> {
    str::from_utf8(body).map_err(|error| BadBody::NotUtf8(error.valid_up_to()))
}

fn read_json<'b, 'a>(
    mut collector: Collector<'b, 'a>,
    text: &'a str,
) -> Result<Collector<'b, 'a>, BadBody> {
    let mut json = serde_json::Deserializer::from_str(text);
    let entries = text.trim_start();
    let outcome = match entries.as_bytes().first() {
        Some(b'{') => EntrySeed(&mut collector).deserialize(&mut json),
        Some(b'[') => {
            collector.enter_array(entries.as_bytes());
            ArraySeed(&mut collector).deserialize(&mut json)
        }
        _ => return Err(not_entries(text)),
    };
    let outcome = outcome.and_then(|()| json.end());
    if is_full(&collector) {
        return Err(BadBody::TooMany);
    }
    outcome.map_err(|error| BadBody::NotJson(explain(&error)))?;
    Ok(collector)
}

fn read_lines<'b, 'a>(
    mut collector: Collector<'b, 'a>,
    body: &'a [u8],
) -> Result<Collector<'b, 'a>, BadBody> {
    for line in Lines(body) {
        if !line.trim_ascii().is_empty() {
            collector.line(line);
        }
        if is_full(&collector) {
            return Err(BadBody::TooMany);
        }
    }
    Ok(collector)
}

fn is_full(collector: &Collector<'_, '_>) -> bool {
    collector.len() > MAX_ENTRIES
}

/// The body as text, each byte of it in its place: bytes that are no UTF-8, none of them within an entry, are blanked.
fn legible(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| ' '));
    }
    text
}

/// Reads one element of an array, or a whole body, and packs or refuses it.
struct EntrySeed<'c, 'b, 'a>(&'c mut Collector<'b, 'a>);

/// Reads an array of entries.
struct ArraySeed<'c, 'b, 'a>(&'c mut Collector<'b, 'a>);

impl<'a> DeserializeSeed<'a> for EntrySeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let found = ValueSeed(&mut self.0.reader).deserialize(deserializer)?;
        self.0.take(found);
        Ok(())
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
            if is_full(self.0) {
                return Err(serde::de::Error::custom("too many entries"));
            }
        }
        Ok(())
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

fn explain(error: &serde_json::Error) -> String {
    let hint = if error.to_string().starts_with("trailing characters") {
        "; for one object per line send `Content-Type: application/x-ndjson`"
    } else {
        ""
    };
    format!("invalid JSON: {error}{hint}")
}
