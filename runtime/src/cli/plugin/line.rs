//! Entries as lines: one JSON object each.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The entry as one line, or why it is none.
pub(super) fn one_line(text: &str) -> Result<Cow<'_, str>, String> {
    let json = serde_json::from_str::<&RawValue>(text);
    let text = json.map_err(|error| format!("it is not JSON: {}", without_place(&error)))?.get();
    if !text.starts_with('{') {
        return Err("it is not a JSON object".into());
    }
    if !text.contains(['\n', '\r']) {
        return Ok(text.into());
    }
    // Breaks lie between tokens only: within JSON strings they are escaped.
    Ok(text.replace(['\n', '\r'], " ").into())
}

/// An entry is one line, so only the column of the place helps.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_written_as_one_line() {
        assert_eq!(one_line("{\"a\":\n1}\r").expect("an object"), "{\"a\": 1}");
        assert_eq!(one_line(" {} ").expect("an object"), "{}");
    }

    #[test]
    fn what_is_no_entry_is_told() {
        assert!(one_line("[1]").expect_err("a list").contains("not a JSON object"));
        assert!(one_line("{\"a\":}").expect_err("broken").contains("not JSON"));
    }
}
