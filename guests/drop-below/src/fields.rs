//! Reads two fields of an entry and passes over the others.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::level::Level;

/// The names of the fields that matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'n> {
    pub(crate) level: &'n str,
    pub(crate) service: &'n str,
}

/// What they hold.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) level: Option<Level>,
    pub(crate) service: Option<Cow<'a, str>>,
}

/// A value, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Number(i64),
    Other(IgnoredAny),
}

impl<'a> Value<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn level(&self) -> Option<Level> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => Some(Level::from_number(*number)),
            Self::Other(_) => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Fields<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(Key(key)) = map.next_key()? {
            if key == self.level {
                fields.level = map.next_value::<Value<'de>>()?.level();
            } else if key == self.service {
                fields.service = map.next_value::<Value<'de>>()?.text();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
