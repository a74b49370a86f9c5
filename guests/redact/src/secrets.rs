//! Finds secrets in a text.

use std::ops::Range;

use regex_lite::Regex;

use crate::{cards, tokens};

/// What counts as a secret.
#[derive(Debug)]
pub(crate) struct Secrets {
    pub(crate) cards: bool,
    pub(crate) tokens: bool,
    pub(crate) emails: bool,
    pub(crate) patterns: Vec<Regex>,
}

impl Secrets {
    /// Where there are secrets, from left to right. A text without any costs one look at each byte.
    pub(crate) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let bytes = text.as_bytes();
        let mut is_in_word = false;
        for (at, byte) in bytes.iter().enumerate() {
            if !is_in_word
                && let Some(length) = self.secret_at(*byte, bytes.get(at..).unwrap_or_default())
            {
                found.push(at..at + length);
            }
            if self.emails && *byte == b'@' {
                found.extend(email_around(bytes, at));
            }
            is_in_word = byte.is_ascii_alphanumeric();
        }
        for pattern in &self.patterns {
            found.extend(
                pattern.find_iter(text).map(|hit| hit.range()).filter(|hit| !hit.is_empty()),
            );
        }
        found.sort_by_key(|range| range.start);
        found
    }

    /// Whether a number, as it stands in the text, is a card's.
    pub(crate) fn is_card(&self, number: &str) -> bool {
        self.cards && number.len() >= 13 && cards::length(number.as_bytes()) == Some(number.len())
    }

    /// The length of the secret that a word begins with.
    fn secret_at(&self, first: u8, rest: &[u8]) -> Option<usize> {
        if first.is_ascii_digit() {
            return if self.cards { cards::length(rest) } else { None };
        }
        if self.tokens && first.is_ascii_alphabetic() { tokens::length(rest) } else { None }
    }
}

/// The address around an `@`.
fn email_around(text: &[u8], at: usize) -> Option<Range<usize>> {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let before = text.get(..at)?.iter().rev().take_while(is_part).count();
    let behind = text.get(at + 1..)?.iter().take_while(is_part).count();
    let domain = text.get(at + 1..at + 1 + behind)?;
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    if before == 0 || !domain.contains(&b'.') {
        return None;
    }
    Some(at - before..at + 1 + domain.len())
}
