//! A transform that masks secrets and personal data: values of fields by their names, however deep, and card numbers,
//! tokens, e-mail addresses and patterns of one's own in any text.
//!
//! It works on the entry's text in one pass and changes nothing but what it masks. Entries in which nothing is masked,
//! as most are, are kept without having been parsed.

mod cards;
mod json;
mod mask;
mod names;
mod secrets;
mod tokens;

use loglite_guest::{Entry, Failure, Transform, Verdict, export};
use regex_lite::Regex;
use serde::Deserialize;

use self::mask::Masker;
use self::names::Names;
use self::secrets::Secrets;

/// What `config:` holds.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Names of fields whose values are masked, whatever they are. Upper and lower case are the same.
    fields: Vec<String>,
    /// Whether card numbers are masked.
    cards: bool,
    /// Whether bearer tokens and the keys of well-known services are masked.
    tokens: bool,
    /// Whether e-mail addresses are masked.
    emails: bool,
    /// Regular expressions; what they match in texts is masked. They cost some microseconds per entry.
    patterns: Vec<String>,
    /// What is put in place of what is masked.
    mask: String,
}

impl Default for Config {
    fn default() -> Self {
        let fields =
            ["password", "passwd", "secret", "token", "api_key", "apikey", "authorization"];
        Self {
            fields: fields.map(str::to_owned).to_vec(),
            cards: true,
            tokens: true,
            emails: false,
            patterns: Vec::new(),
            mask: "***".to_owned(),
        }
    }
}

/// Masks secrets and personal data.
#[derive(Debug)]
pub struct Redact {
    masker: Masker,
}

impl Transform for Redact {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        let compile = |pattern: &String| {
            let unusable =
                |err| Failure::invalid_config(format_args!("`patterns`: {pattern}: {err}"));
            Regex::new(pattern).map_err(unusable)
        };
        let secrets = Secrets {
            cards: config.cards,
            tokens: config.tokens,
            emails: config.emails,
            patterns: config.patterns.iter().map(compile).collect::<Result<_, _>>()?,
        };
        let masker = Masker::new(Names::new(&config.fields), secrets, config.mask);
        Ok(Self { masker })
    }

    fn apply(&mut self, entry: Entry<'_>) -> Verdict {
        self.masker.masked(entry.text()).map_or(Verdict::Keep, Verdict::Replace)
    }
}

export!(transform: Redact);

#[cfg(test)]
mod tests;
