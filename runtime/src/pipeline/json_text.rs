//! Nested JSON as compact text: the numbers and strings exactly as sent, without the white space between them.

/// How deep arrays and objects may nest in a value. What SQLite and most clients' parsers can read back is not
/// much deeper.
pub(super) const MAX_DEPTH: usize = 128;

/// The value nests deeper than [`MAX_DEPTH`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooDeep;

/// Appends `raw`, a valid JSON value, to `out` without white space outside of strings.
pub(super) fn compact(raw: &str, out: &mut String) -> Result<(), TooDeep> {
    let bytes = raw.as_bytes();
    let mut depth = 0_usize;
    let mut copied = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(TooDeep);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(raw.get(copied..at).unwrap_or_default());
                copied = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    out.push_str(raw.get(copied..).unwrap_or_default());
    Ok(())
}

/// The end of the valid JSON value that starts at `start`.
pub(super) fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'[' | b'{' => depth += 1,
            // Behind a number or a word.
            b']' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b']' | b'}' => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    at.min(bytes.len())
}

/// The position of the quote that ends the string which starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(rest) = bytes.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(offset) if rest.get(offset) == Some(&b'\\') => at += offset + 2,
            Some(offset) => return at + offset,
            None => break,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compacted(raw: &str) -> Result<String, TooDeep> {
        let mut out = String::new();
        compact(raw, &mut out).map(|()| out)
    }

    #[test]
    fn white_space_goes_and_everything_else_stays() {
        let raw = "{ \"a b\" : [ 1.10 , \"x \\\" , y\\\\\" ,\n\tnull ] }";
        assert_eq!(compacted(raw).as_deref(), Ok("{\"a b\":[1.10,\"x \\\" , y\\\\\",null]}"));
    }

    #[test]
    fn a_value_ends_where_the_next_one_may_begin() {
        for value in
            ["1.5e3", "true", "null", "\"a\\\"]}\"", "[[1, \"]\"], {}]", "{\"a\": [1 , 2]}"]
        {
            for behind in [",7", "]", " , 7", ""] {
                let text = format!("[{value}{behind}");
                assert_eq!(value_end(text.as_bytes(), 1), value.len() + 1, "{text}");
            }
        }
    }

    #[test]
    fn depth_counts_nesting_and_not_brackets_in_strings() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(compacted(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(compacted(&nested(MAX_DEPTH + 1)), Err(TooDeep));
        assert!(compacted(&format!("[\"{}\"]", "[".repeat(1000))).is_ok());
    }
}
