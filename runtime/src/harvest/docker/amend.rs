//! What the engine knows about a line and the line does not say: it is added to the line's entry.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};

/// A field's name, and its value as JSON.
pub(super) type Member = (String, String);

/// Writes the entry with those of the members that it lacks. What is no object stays as it is.
pub(super) fn amend(entry: &str, members: &[Member], out: &mut String) {
    let body = entry.trim_ascii_end().strip_suffix('}');
    let (Some(body), Some(keys)) = (body, keys(entry)) else {
        out.push_str(entry);
        return;
    };
    out.push_str(body);
    let mut is_first = keys.is_empty();
    for (name, value) in members.iter().filter(|(name, _)| !keys.contains(name)) {
        out.push_str(if is_first { "" } else { "," });
        is_first = false;
        out.push_str(&text(name));
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
}

/// A text as JSON.
pub(super) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The names of an object's members.
fn keys(entry: &str) -> Option<BTreeSet<String>> {
    let mut deserializer = serde_json::Deserializer::from_str(entry);
    let keys = deserializer.deserialize_map(Keys).ok()?;
    deserializer.end().ok()?;
    Some(keys)
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = BTreeSet<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, _)) = members.next_entry::<String, IgnoredAny>()? {
            keys.insert(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gets_what_it_lacks() {
        let members = [("time".to_owned(), text("now")), ("a\"b".to_owned(), "1".to_owned())];
        for (entry, expected) in [
            ("{}", r#"{"time":"now","a\"b":1}"#),
            (r#"{"x":{"time":1}} "#, r#"{"x":{"time":1},"time":"now","a\"b":1}"#),
            (r#"{"time":0}"#, r#"{"time":0,"a\"b":1}"#),
            (r#"{"t\u0069me":0,"a\"b":2}"#, r#"{"t\u0069me":0,"a\"b":2}"#),
            ("[1]", "[1]"),
            ("{broken}", "{broken}"),
            ("", ""),
        ] {
            let mut out = String::new();
            amend(entry, &members, &mut out);
            assert_eq!(out, expected, "{entry}");
        }
    }
}
