//! The members of JSON objects, unparsed.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::entry::{EntryWriter, FieldValue};

/// Writes the members of a text that is one JSON object and nothing else as fields.
///
/// # Errors
/// When it is none. What came before the fault has been written.
pub(super) fn copy_members(text: &str, entry: &mut EntryWriter<'_, '_>) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    Copier(entry).deserialize(&mut json)?;
    json.end()
}

/// The elements of a text that is one JSON array and nothing else.
pub(super) fn elements(text: &str) -> Option<Vec<&RawValue>> {
    let is_array = text.trim_ascii_start().starts_with('[');
    if is_array { serde_json::from_str(text).ok() } else { None }
}

struct Copier<'e, 's, 'o>(&'e mut EntryWriter<'s, 'o>);

/// Borrowed where it holds no escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Copier<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Copier<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            self.0.field(&name, FieldValue::Json(value.get()));
        }
        Ok(())
    }
}
