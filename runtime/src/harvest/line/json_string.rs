//! Text as a JSON string.

/// Appends `text` with quotes around it.
pub(super) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    push_escaped(text, out);
    out.push('"');
}

/// `"name":`
pub(super) fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 3);
    push_string(name, &mut key);
    key.push(':');
    key
}

fn push_escaped(text: &str, out: &mut String) {
    // Without an early end this is a few vector instructions, and most text needs nothing more.
    if !text.bytes().fold(false, |any, byte| any | is_special(byte)) {
        out.push_str(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (clean, behind) = rest.split_at(at);
        out.push_str(clean);
        let mut characters = behind.chars();
        if let Some(special) = characters.next() {
            push_escape(special, out);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn push_escape(special: char, out: &mut String) {
    match special {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        control => {
            let digit = |value: u32| char::from_digit(value, 16).unwrap_or('0');
            let code = u32::from(control);
            out.push_str("\\u00");
            out.push(digit(code >> 4));
            out.push(digit(code & 15));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back_as_it_was() {
        let controls: String = (0..=0x9F_u8).map(char::from).collect();
        for text in ["", "plain", "a \"b\" \\ c", "é\n日\t本\u{1F600}\0", &controls] {
            let mut json = String::new();
            push_string(text, &mut json);
            let back: String = serde_json::from_str(&json).expect("it is JSON");
            assert_eq!(back, text);
        }
    }
}
