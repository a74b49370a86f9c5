//! What `config:` holds.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use loglite_guest::Failure;
use serde::Deserialize;
use serde_json::Value;

/// What `config:` holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What to fetch. Its authority must be granted.
    pub(crate) url: String,
    /// Seconds between two polls; fractions are fine.
    interval: f64,
    /// The JSON pointer of the array of items, such as `/data/items`; without it the body is the array.
    #[serde(default)]
    pub(crate) items: String,
    /// How to go on behind the last item. Without it each poll ingests what the server sends.
    pub(crate) cursor: Option<Cursor>,
    /// Headers of each request. `${NAME}` in a value is the environment variable of this name, which must be granted.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// How to go on behind the last item.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cursor {
    /// The field of an item, such as `id`.
    pub(crate) field: String,
    /// The parameter of the URL that takes the last item's value, such as `after`.
    param: String,
}

impl Config {
    pub(crate) fn interval(&self) -> Result<Duration, Failure> {
        Duration::try_from_secs_f64(self.interval)
            .ok()
            .filter(|interval| *interval >= Duration::from_millis(100))
            .ok_or_else(|| Failure::invalid_config("`interval` must be at least 0.1 seconds"))
    }

    /// The headers, with the environment's variables in them.
    pub(crate) fn headers(&self) -> Result<Vec<(String, String)>, Failure> {
        let resolve = |(name, value): (&String, &String)| Ok((name.clone(), resolved(value)?));
        self.headers.iter().map(resolve).collect()
    }

    /// The URL of what is behind the cursor.
    pub(crate) fn url_at(&self, cursor: Option<&Value>) -> String {
        let (Some(Cursor { param, .. }), Some(cursor)) = (&self.cursor, cursor) else {
            return self.url.clone();
        };
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let value = cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned);
        format!("{}{joint}{param}={}", self.url, percent_encoded(&value))
    }
}

fn resolved(value: &str) -> Result<String, Failure> {
    let mut whole = String::new();
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, behind) = behind
            .split_once('}')
            .ok_or_else(|| Failure::invalid_config("`headers`: a `${` has no `}`"))?;
        let unset = |_| {
            Failure::invalid_config(format_args!(
                "`headers`: the environment variable {name} is not there; set it, and grant it: `grant: {{env: [{name}]}}`"
            ))
        };
        whole.push_str(before);
        whole.push_str(&env::var(name).map_err(unset)?);
        rest = behind;
    }
    whole.push_str(rest);
    Ok(whole)
}

/// All but RFC 3986's unreserved characters.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
