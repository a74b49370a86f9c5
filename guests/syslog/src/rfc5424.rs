//! RFC 5424, behind the priority and the version: `TIMESTAMP HOST APP PROCID MSGID [ID NAME="VALUE" …]… MESSAGE`,
//! where `-` stands for what is not known.

use serde_json::{Map, Value};

use crate::line::Line;

pub(crate) fn parse(text: &str) -> Option<Line<'_>> {
    let (timestamp, rest) = word(text)?;
    let (host, rest) = word(rest)?;
    let (app, rest) = word(rest)?;
    let (procid, rest) = word(rest)?;
    let (msgid, rest) = word(rest)?;
    let (structured_data, rest) = elements(rest)?;
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    let timestamp = match timestamp {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let message = message.trim_start_matches('\u{feff}');
    Some(Line { timestamp, host, app, procid, msgid, structured_data, message, ..Line::default() })
}

/// The next word, and what follows the space behind it.
fn word(text: &str) -> Option<(Option<&str>, &str)> {
    let (word, rest) = text.split_once(' ')?;
    match word {
        "" => None,
        "-" => Some((None, rest)),
        word => Some((Some(word), rest)),
    }
}

/// The structured data, by its elements' ids, and what follows it.
fn elements(text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut elements = Map::new();
    if let Some(rest) = text.strip_prefix('-') {
        return Some((elements, rest));
    }
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix('[') {
        let end = inside.find([' ', ']'])?;
        let (id, behind) = inside.split_at_checked(end)?;
        let (parameters, behind) = parameters(behind)?;
        elements.insert(id.to_owned(), Value::Object(parameters));
        rest = behind;
    }
    if elements.is_empty() { None } else { Some((elements, rest)) }
}

/// The parameters up to the closing bracket, and what follows it.
fn parameters(text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut parameters = Map::new();
    let mut rest = text;
    loop {
        if let Some(behind) = rest.strip_prefix(']') {
            return Some((parameters, behind));
        }
        let (name, behind) = rest.strip_prefix(' ')?.split_once("=\"")?;
        let (value, behind) = value(behind)?;
        parameters.insert(name.to_owned(), Value::String(value));
        rest = behind;
    }
}

/// A value up to its closing quote, and what follows it. A backslash escapes quotes, brackets and itself.
fn value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return Some((value, chars.as_str())),
            '\\' => {
                let escaped = chars.next()?;
                if !matches!(escaped, '"' | '\\' | ']') {
                    value.push('\\');
                }
                value.push(escaped);
            }
            char => value.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_is_none() {
        let line = parse("- - - - - -").unwrap();
        assert_eq!(line, Line::default());
    }

    #[test]
    fn structured_data_may_have_many_elements_and_escapes() {
        let line = parse(r#"- h a - - [x@1 k="a\"b\]c\\d\e" l=""][y] said"#).unwrap();
        assert_eq!(
            Value::Object(line.structured_data),
            json!({"x@1": {"k": r#"a"b]c\d\e"#, "l": ""}, "y": {}})
        );
        assert_eq!(line.message, "said");
    }

    #[test]
    fn a_message_may_begin_with_a_byte_order_mark_or_be_missing() {
        assert_eq!(parse("- - - - - - \u{feff}said").unwrap().message, "said");
        assert_eq!(parse("- - - - - [y]").unwrap().message, "");
    }

    #[test]
    fn broken_lines_are_none() {
        for text in [
            "",
            "- - - -",
            "yesterday - - - - -",
            "- - - - - [x",
            "- - - - - [x k=\"]",
            "- - - - - x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
