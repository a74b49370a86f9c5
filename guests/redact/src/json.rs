//! Walks over the text of a JSON value without parsing it. Text that is no JSON leads to odd tokens, never further.

use std::ops::Range;

/// A part of the text that may have to be masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A key of an object, without its quotes.
    Key(Range<usize>),
    /// A string, without its quotes.
    Text(Range<usize>),
    /// A number.
    Number(Range<usize>),
}

/// The place in a text.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    /// The next token.
    pub(crate) fn token(&mut self) -> Option<Token> {
        loop {
            match self.peek()? {
                b'"' => {
                    let inside = self.string();
                    self.skip_space();
                    let is_key = self.peek() == Some(b':');
                    return Some(if is_key { Token::Key(inside) } else { Token::Text(inside) });
                }
                b'-' | b'0'..=b'9' => return Some(Token::Number(self.scalar())),
                _ => self.at += 1,
            }
        }
    }

    /// Passes the value behind a key; where it is.
    pub(crate) fn value(&mut self) -> Range<usize> {
        if self.peek() == Some(b':') {
            self.at += 1;
        }
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => drop(self.string()),
            Some(b'{' | b'[') => self.nested(),
            _ => drop(self.scalar()),
        }
        start..self.at
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Passes a string that begins here; what is between its quotes.
    fn string(&mut self) -> Range<usize> {
        self.at += 1;
        let start = self.at;
        loop {
            let Some(found) = memchr::memchr2(b'"', b'\\', self.rest()) else {
                self.at = self.text.len();
                return start..self.at;
            };
            self.at += found;
            if self.peek() == Some(b'"') {
                self.at += 1;
                return start..self.at - 1;
            }
            self.at = (self.at + 2).min(self.text.len());
        }
    }

    fn scalar(&mut self) -> Range<usize> {
        let start = self.at;
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
        let length = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        self.at += length;
        start..self.at
    }

    /// Passes an object or an array that begins here.
    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, range: Range<usize>) -> &str {
        text.get(range).unwrap()
    }

    fn tokens(text: &str) -> Vec<String> {
        let mut walk = Walk::new(text);
        std::iter::from_fn(|| walk.token())
            .map(|token| match token {
                Token::Key(range) => format!("key {}", part(text, range)),
                Token::Text(range) => format!("text {}", part(text, range)),
                Token::Number(range) => format!("number {}", part(text, range)),
            })
            .collect()
    }

    #[test]
    fn keys_texts_and_numbers_are_told_apart() {
        let found = tokens(r#"{"a" : "b\"c", "d": [1, {"e": -2.5e3}], "f": null}"#);
        assert_eq!(
            found,
            ["key a", r#"text b\"c"#, "key d", "number 1", "key e", "number -2.5e3", "key f"]
        );
    }

    #[test]
    fn a_value_is_passed_whole() {
        let text = r#"{"a": {"b": "}", "c": [1]}, "d": 2}"#;
        let mut walk = Walk::new(text);
        walk.token();
        assert_eq!(part(text, walk.value()), r#"{"b": "}", "c": [1]}"#);
        assert_eq!(walk.token(), Some(Token::Key(29..30)));
    }

    #[test]
    fn text_that_is_no_json_comes_to_an_end() {
        for text in
            ["", "\"", "\"\\", "{\"a", "{\"a\":", "{\"a\":{\"b\"", "]]}}", "-", "\u{e9}\"\u{e9}"]
        {
            let mut walk = Walk::new(text);
            while walk.token().is_some() {
                let value = walk.value();
                assert!(text.get(value).is_some());
            }
        }
    }
}
