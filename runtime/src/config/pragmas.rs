//! `sqlite_params`: PRAGMAs, which become SQL text and therefore may only be words and numbers.

use serde_json::{Map, Value};

use super::mapping;
use super::report::Report;
use super::root::Config;
use super::value;
use super::yaml::Node;

pub(super) const EXPECTED: &str = "a mapping of PRAGMA names to words or numbers, such as \
                                   `journal_mode: WAL`";

/// One `PRAGMA name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragma {
    /// The PRAGMA's name: letters, digits and underscores.
    pub name: String,
    /// The value as SQL text: a word or a number.
    pub value: String,
}

pub(super) fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let Some(entries) = mapping::entries(node, "sqlite_params", EXPECTED, report) else { return };
    for (key, node) in entries {
        let path = format!("sqlite_params.{}", key.text);
        if !is_word(&key.text) {
            let expected = "a PRAGMA name of letters, digits and underscores";
            report.mismatch_at(path, key.at, expected, format!("`{}`", key.text));
            continue;
        }
        match sql_value(node) {
            Some(value) => {
                config.database.sqlite_params.push(Pragma { name: key.text.clone(), value });
            }
            None => report.mismatch(path, node, "a word or a number, such as WAL, OFF or -32000"),
        }
    }
}

pub(super) fn show(pragmas: &[Pragma]) -> Value {
    let entry = |pragma: &Pragma| {
        let number = pragma.value.parse::<i64>().ok().map(Value::from);
        (pragma.name.clone(), number.unwrap_or_else(|| pragma.value.clone().into()))
    };
    Value::Object(pragmas.iter().map(entry).collect::<Map<_, _>>())
}

fn sql_value(node: &Node) -> Option<String> {
    let text = node.scalar()?;
    match text.to_ascii_lowercase().as_str() {
        "true" => return Some("ON".into()),
        "false" => return Some("OFF".into()),
        _ => {}
    }
    let number = value::signed(text).map(|number| number.to_string());
    // A hyphen as in `encoding: UTF-8`.
    let is_word = !text.starts_with('-') && is_word(&text.replace('-', "_"));
    number.or_else(|| (is_word || is_decimal(text)).then(|| text.to_owned()))
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.split_once('.').is_some_and(|(whole, fraction)| digits(whole) && digits(fraction))
}
