//! Cuts the bytes of a ZMTP 3 connection, after its greeting, into frames (<https://rfc.zeromq.org/spec/23/>).
//!
//! Invariant: a frame that is longer than allowed takes no more memory than one of the allowed size.

/// The bits of a frame's first byte.
const MORE: u8 = 0b001;
const LONG: u8 = 0b010;
const COMMAND: u8 = 0b100;

/// Frames of one connection.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    state: State,
    /// The begin of a frame whose end has not come.
    partial: Vec<u8>,
    longest: usize,
}

/// A frame. What is longer than allowed is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: FrameKind,
    /// All of it, or its begin.
    pub(super) bytes: &'a [u8],
    /// How long it is.
    pub(super) length: u64,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Between the peers themselves.
    Command,
    /// A part of a message that goes on.
    Part,
    /// The last part of a message, or all of it.
    Last,
}

/// What no peer sends that speaks ZMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no ZMTP frame begins like that")]
pub(super) struct BadFrame;

#[derive(Debug, Clone, Copy)]
enum State {
    /// The first byte and the length are expected; so many bytes of them are in `partial`.
    Header,
    Body {
        kind: FrameKind,
        length: u64,
        /// How much of it has not come yet.
        left: u64,
    },
}

impl Frames {
    /// For one connection. Of frames over `longest` bytes only the begin is kept.
    pub(super) fn new(longest: usize) -> Self {
        Self { state: State::Header, partial: Vec::new(), longest }
    }

    /// Takes the next bytes, and hands out the frames that are complete with them.
    ///
    /// # Errors
    /// [`BadFrame`]; the connection is of no use then.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut emit: impl FnMut(Frame<'_>),
    ) -> Result<(), BadFrame> {
        let mut rest = bytes;
        loop {
            match self.state {
                State::Header => match self.header(&mut rest)? {
                    Some((kind, length)) => self.state = State::Body { kind, length, left: length },
                    None => return Ok(()),
                },
                State::Body { kind, length, left } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (body, behind) = rest.split_at(count);
                    rest = behind;
                    let left = left - count as u64;
                    if left > 0 {
                        self.keep(body);
                        self.state = State::Body { kind, length, left };
                        return Ok(());
                    }
                    self.finish(kind, length, body, &mut emit);
                }
            }
        }
    }

    /// Whether a frame has begun whose end has not come.
    pub(super) fn is_within(&self) -> bool {
        matches!(self.state, State::Body { .. }) || !self.partial.is_empty()
    }

    /// The next header, if all of it is there.
    fn header(&mut self, rest: &mut &[u8]) -> Result<Option<(FrameKind, u64)>, BadFrame> {
        while let Some((byte, behind)) = rest.split_first() {
            *rest = behind;
            self.partial.push(*byte);
            let [flags, length @ ..] = self.partial.as_slice() else { continue };
            if let Some(header) = header(*flags, length)? {
                self.partial.clear();
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    fn finish(
        &mut self,
        kind: FrameKind,
        length: u64,
        end: &[u8],
        emit: &mut impl FnMut(Frame<'_>),
    ) {
        self.state = State::Header;
        if self.partial.is_empty() {
            let bytes = end.get(..self.longest).unwrap_or(end);
            return emit(Frame { kind, bytes, length });
        }
        self.keep(end);
        emit(Frame { kind, bytes: &self.partial, length });
        // A large one must not hold its memory for as long as the connection lasts.
        self.partial = Vec::new();
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.longest.saturating_sub(self.partial.len());
        self.partial.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

/// What a first byte and as much of a length as has come say, once that is enough.
fn header(flags: u8, length: &[u8]) -> Result<Option<(FrameKind, u64)>, BadFrame> {
    let kind = match flags & !LONG {
        0 => FrameKind::Last,
        MORE => FrameKind::Part,
        COMMAND => FrameKind::Command,
        _ => return Err(BadFrame),
    };
    let length = match (flags & LONG != 0, length) {
        (false, [length]) => u64::from(*length),
        (true, length) => match <[u8; 8]>::try_from(length) {
            Ok(length) => u64::from_be_bytes(length),
            Err(_) => return Ok(None),
        },
        (false, _) => return Ok(None),
    };
    if i64::try_from(length).is_err() {
        return Err(BadFrame);
    }
    Ok(Some((kind, length)))
}

/// Writes a frame.
pub(super) fn write_frame(kind: FrameKind, bytes: &[u8], out: &mut Vec<u8>) {
    let flags = match kind {
        FrameKind::Command => COMMAND,
        FrameKind::Part => MORE,
        FrameKind::Last => 0,
    };
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[flags, length]),
        Err(_) => {
            out.push(flags | LONG);
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of these bytes when so many come at once.
    fn frames(bytes: &[u8], step: usize, longest: usize) -> Vec<(FrameKind, Vec<u8>, u64)> {
        let mut frames = Frames::new(longest);
        let mut found = Vec::new();
        for chunk in bytes.chunks(step) {
            let fed = frames.feed(chunk, |frame| {
                found.push((frame.kind, frame.bytes.to_vec(), frame.length));
            });
            fed.expect("they are frames");
        }
        found
    }

    #[test]
    fn frames_are_found_however_the_bytes_come() {
        let long = "x".repeat(300);
        let mut bytes = Vec::new();
        write_frame(FrameKind::Part, b"topic", &mut bytes);
        write_frame(FrameKind::Last, b"", &mut bytes);
        write_frame(FrameKind::Command, long.as_bytes(), &mut bytes);
        write_frame(FrameKind::Last, b"{}", &mut bytes);
        let expected = [
            (FrameKind::Part, b"topic".to_vec(), 5),
            (FrameKind::Last, Vec::new(), 0),
            (FrameKind::Command, long.into_bytes(), 300),
            (FrameKind::Last, b"{}".to_vec(), 2),
        ];
        for step in [1, 2, 3, 7, 100, 1_000] {
            assert_eq!(frames(&bytes, step, 1_000), expected, "{step} bytes at once");
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let mut bytes = Vec::new();
        write_frame(FrameKind::Last, &[b'x'; 1_000], &mut bytes);
        write_frame(FrameKind::Last, b"next", &mut bytes);
        for step in [1, 10, 2_000] {
            let expected = [
                (FrameKind::Last, b"xxxxx".to_vec(), 1_000),
                (FrameKind::Last, b"next".to_vec(), 4),
            ];
            assert_eq!(frames(&bytes, step, 5), expected, "{step} bytes at once");
        }
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        let mut frames = Frames::new(1 << 20);
        let header = [LONG, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

        frames.feed(&header, |_| panic!("it is not complete")).expect("it is a frame");
        frames.feed(&[b'x'; 100], |_| panic!("it is not complete")).expect("it goes on");

        assert!(frames.partial.capacity() < 1_000);
    }

    #[test]
    fn what_is_no_frame_is_told_from_one() {
        let no_length = [LONG, 0xff, 0, 0, 0, 0, 0, 0, 0];
        for bytes in [&b"GET / HTTP/1.1"[..], &[COMMAND | MORE, 0], &no_length] {
            assert_eq!(Frames::new(100).feed(bytes, |_| {}), Err(BadFrame), "{bytes:?}");
        }
    }
}
