//! Joins lines that are one event, such as a stack trace: each that is not a first one belongs to those before it.

use regex::Regex;

use super::Line;
use super::assemble::{KEPT_BYTES, KEPT_CAPACITY};
use super::cut::Piece;

/// The event that is not complete.
#[derive(Debug)]
pub(super) struct Joiner {
    start: Regex,
    longest: usize,
    /// Its lines, as far as they are kept.
    event: Vec<u8>,
    /// How long it is, kept or not.
    size: u64,
    /// Bytes of the stream that belong to it; 0 while there is none.
    raw: u64,
}

impl Joiner {
    pub(super) fn new(start: Regex, longest: usize) -> Self {
        Self { start, longest, event: Vec::new(), size: 0, raw: 0 }
    }

    /// Bytes of the stream that belong to the event that is not complete.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.raw
    }

    /// Takes the next line, and hands out the event that it ends.
    pub(super) fn add(&mut self, piece: &Piece<'_>, emit: &mut impl FnMut(Line<'_>)) {
        let (text, size) = match piece.line {
            Line::Whole(text) => (text, text.len() as u64),
            Line::TooLong { start, bytes } => (start, bytes),
            Line::Uncounted(_) => {
                self.finish(emit);
                emit(piece.line);
                return;
            }
        };
        if self.raw > 0 && self.is_start(text) {
            self.finish(emit);
        }
        if self.raw == 0 && text.trim_ascii().is_empty() && size == text.len() as u64 {
            return;
        }
        self.keep(text, size);
        self.raw += piece.raw;
    }

    /// Hands out the event: nothing more belongs to it.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(Line<'_>)) {
        if self.raw == 0 {
            return;
        }
        if self.size > self.longest as u64 {
            let start = self.event.get(..KEPT_BYTES).unwrap_or(&self.event);
            emit(Line::TooLong { start, bytes: self.size });
        } else {
            emit(Line::Whole(without_blank_lines(&self.event)));
        }
        self.event.clear();
        self.event.shrink_to(KEPT_CAPACITY);
        self.size = 0;
        self.raw = 0;
    }

    fn is_start(&self, line: &[u8]) -> bool {
        self.start.is_match(&String::from_utf8_lossy(line))
    }

    fn keep(&mut self, text: &[u8], size: u64) {
        let is_first = self.raw == 0;
        self.size += size + u64::from(!is_first);
        let most = if self.size > self.longest as u64 { KEPT_BYTES } else { usize::MAX };
        if self.event.len() < most {
            if !is_first {
                self.event.push(b'\n');
            }
            self.event.extend_from_slice(text);
        }
        self.event.truncate(most);
    }
}

/// Blank lines behind an event are none of it.
fn without_blank_lines(event: &[u8]) -> &[u8] {
    let end = event.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    event.get(..end).unwrap_or_default()
}
