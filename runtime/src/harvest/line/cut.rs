//! Cuts a stream of bytes into messages: at line feeds, or by the counts in front of them (RFC 6587).

use memchr::memchr;

use super::Line;
use super::assemble::{KEPT_BYTES, KEPT_CAPACITY};
use crate::config::Framing;

/// Longer counts are none.
const MOST_DIGITS: usize = 9;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Messages of one stream.
#[derive(Debug)]
pub(super) struct Cutter {
    framing: Framing,
    longest: usize,
    state: State,
    /// The begin of the message that is not complete, as far as it is kept.
    partial: Vec<u8>,
    /// Bytes of that message, kept or not.
    content: u64,
    /// Bytes of the stream that belong to it: its count, too.
    raw: u64,
    /// Nothing has come out yet, and a byte order mark may come.
    is_begin: bool,
}

/// A message, and how many bytes of the stream it was.
pub(super) struct Piece<'a> {
    pub(super) line: Line<'a>,
    pub(super) raw: u64,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A new message.
    Between,
    /// A message that ends with a line feed.
    Line,
    /// One that should have begun with a count, and has not.
    Uncounted,
    /// The digits in front of a message.
    Count,
    /// A message of which so many bytes are to come.
    Body(u64),
}

impl Cutter {
    pub(super) fn new(framing: Framing, longest: usize, is_begin: bool) -> Self {
        Self {
            framing,
            longest,
            state: State::Between,
            partial: Vec::new(),
            content: 0,
            raw: 0,
            is_begin,
        }
    }

    /// Bytes that were fed and have not come out.
    pub(super) fn pending_bytes(&self) -> u64 {
        self.raw
    }

    /// Takes the next bytes, and hands out the messages that are complete with them, blank ones, too.
    pub(super) fn feed(&mut self, bytes: &[u8], emit: &mut impl FnMut(Piece<'_>)) {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            rest = match self.state {
                State::Between => self.begin(*first, rest),
                State::Line | State::Uncounted => self.line(rest, emit),
                State::Count => self.count(*first, rest, emit),
                State::Body(left) => self.body(left, rest, emit),
            };
        }
    }

    /// Hands out the message that is not complete, as it is.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(Piece<'_>)) {
        if self.raw > 0 {
            if self.state == State::Count {
                self.no_count();
            }
            self.complete(0, emit);
        }
        self.state = State::Between;
    }

    fn begin<'a>(&mut self, first: u8, bytes: &'a [u8]) -> &'a [u8] {
        self.state = match self.framing {
            Framing::Newline => State::Line,
            _ if first.is_ascii_digit() => State::Count,
            // Some senders end counted messages with one besides.
            _ if matches!(first, b'\n' | b'\r') => return after(bytes, 1),
            Framing::Auto => State::Line,
            Framing::OctetCounted => State::Uncounted,
        };
        bytes
    }

    fn line<'a>(&mut self, bytes: &'a [u8], emit: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (line, rest) = bytes.split_at(end);
        if self.raw == 0 {
            self.hand_out(line, line.len() as u64, line.len() as u64 + 1, emit);
            self.state = State::Between;
        } else {
            self.keep(line);
            self.complete(1, emit);
        }
        after(rest, 1)
    }

    fn count<'a>(
        &mut self,
        first: u8,
        bytes: &'a [u8],
        emit: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        if first.is_ascii_digit() && self.partial.len() < MOST_DIGITS {
            self.keep(bytes.get(..1).unwrap_or_default());
            return after(bytes, 1);
        }
        if first != b' ' {
            self.no_count();
            return bytes;
        }
        let digits = self.partial.iter().map(|digit| u64::from(digit - b'0'));
        let length = digits.fold(0, |sum, digit| sum * 10 + digit);
        self.partial.clear();
        self.content = 0;
        self.raw += 1;
        self.state = State::Body(length);
        if length == 0 {
            self.complete(0, emit);
        }
        after(bytes, 1)
    }

    /// What looked like a count is the begin of a line.
    fn no_count(&mut self) {
        let is_strict = self.framing == Framing::OctetCounted;
        self.state = if is_strict { State::Uncounted } else { State::Line };
    }

    fn body<'a>(
        &mut self,
        left: u64,
        bytes: &'a [u8],
        emit: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (part, rest) = bytes.split_at(taken);
        let left = left - taken as u64;
        self.state = State::Body(left);
        if left > 0 {
            self.keep(part);
        } else if self.content == 0 {
            self.hand_out(part, taken as u64, self.raw + taken as u64, emit);
            self.reset();
        } else {
            self.keep(part);
            self.complete(0, emit);
        }
        rest
    }

    /// Adds to the message that is not complete.
    fn keep(&mut self, bytes: &[u8]) {
        self.content += bytes.len() as u64;
        self.raw += bytes.len() as u64;
        // One that is as long as allowed may have a byte order mark in front and a line end behind.
        let room = self.longest.saturating_add(BOM.len() + 2);
        if self.content <= room as u64 {
            self.partial.extend_from_slice(bytes);
            return;
        }
        let most = KEPT_BYTES + BOM.len();
        let missing = most.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
        if self.partial.len() > most {
            self.partial = self.partial.get(..most).unwrap_or_default().to_vec();
        }
    }

    /// Hands out the message that is kept; `end` bytes of the stream are its end.
    fn complete(&mut self, end: u64, emit: &mut impl FnMut(Piece<'_>)) {
        let mut partial = std::mem::take(&mut self.partial);
        self.hand_out(&partial, self.content, self.raw + end, emit);
        partial.clear();
        partial.shrink_to(KEPT_CAPACITY);
        self.partial = partial;
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Between;
        self.content = 0;
        self.raw = 0;
    }

    /// `kept` is what there is of `content` bytes.
    fn hand_out(&mut self, kept: &[u8], content: u64, raw: u64, emit: &mut impl FnMut(Piece<'_>)) {
        let is_all = kept.len() as u64 == content;
        let marked = if self.is_begin { kept.strip_prefix(BOM).unwrap_or(kept) } else { kept };
        self.is_begin = false;
        let text = without_end(marked);
        let line = if !is_all || text.len() > self.longest {
            let bytes = content - (kept.len() - marked.len()) as u64;
            Line::TooLong { start: marked.get(..KEPT_BYTES).unwrap_or(marked), bytes }
        } else if self.state == State::Uncounted {
            Line::Uncounted(text)
        } else {
            Line::Whole(text)
        };
        emit(Piece { line, raw });
    }
}

/// Counted messages may have a line end in them, of which it is the last part.
fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn after(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}
