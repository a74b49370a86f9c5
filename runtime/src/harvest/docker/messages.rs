//! The engine's stream of a container's output, cut into what the engine calls messages: a line with the time at which
//! it was written, or a part of a line that is longer than 16 KB.
//!
//! Without a terminal each message is a frame: a byte for the output, three zeros, the length, the message. A
//! terminal's output is bare, so there the cuts of long lines have to be found again.

use memchr::memchr;

/// The engine cuts lines into parts of this size.
const PART: usize = 16 << 10;
/// No time is longer.
const LONGEST_TIME: usize = 40;
const FRAME_HEAD: usize = 8;
/// Engines cut lines long before this; what claims to be longer is no frame.
const LONGEST_FRAME: usize = 4 << 20;

/// Which of a container's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Standard output, and all of a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line with its end, or a part of it without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) output: Output,
    /// When it was written, in nanoseconds since 1970; none where the engine does not say.
    pub(super) nanos: Option<i64>,
    pub(super) text: &'a [u8],
}

/// Cuts a stream into messages.
#[derive(Debug)]
pub(super) struct Messages {
    has_terminal: bool,
    /// The begin of a message.
    pending: Vec<u8>,
}

/// Why a stream is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadStream {
    /// The engine says that something went wrong.
    #[error("the container engine can't read the container's log: {0}")]
    Engine(String),
    /// There is no such frame.
    #[error("the container engine sent something else than frames of output")]
    Frame,
}

impl Output {
    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl Messages {
    pub(super) fn new(has_terminal: bool) -> Self {
        Self { has_terminal, pending: Vec::new() }
    }

    /// Takes the next bytes of the stream, and hands out the messages that are whole with them.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut emit: impl FnMut(Message<'_>),
    ) -> Result<(), BadStream> {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        loop {
            let next = if self.has_terminal { next_part(rest) } else { next_frame(rest)? };
            let Some((message, behind)) = next else { break };
            emit(message);
            rest = behind;
        }
        self.pending = rest.to_vec();
        Ok(())
    }

    /// Hands out what a terminal has written without a line's end: the stream has ended.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(Message<'_>)) {
        let pending = std::mem::take(&mut self.pending);
        if self.has_terminal && !pending.is_empty() {
            let (nanos, text) = split_time(&pending);
            emit(Message { output: Output::Stdout, nanos, text });
        }
    }
}

/// A frame and what is behind it; none when it is not all there.
fn next_frame(bytes: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, BadStream> {
    let Some(([kind, z1, z2, z3, l1, l2, l3, l4], body)) = bytes.split_first_chunk::<FRAME_HEAD>()
    else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([*l1, *l2, *l3, *l4]) as usize;
    if *kind > 3 || [*z1, *z2, *z3] != [0; 3] || length > LONGEST_FRAME {
        return Err(BadStream::Frame);
    }
    let Some((frame, behind)) = body.split_at_checked(length) else { return Ok(None) };
    let output = match kind {
        2 => Output::Stderr,
        3 => {
            let text = String::from_utf8_lossy(frame);
            return Err(BadStream::Engine(text.trim().chars().take(200).collect()));
        }
        _ => Output::Stdout,
    };
    let (nanos, text) = split_time(frame);
    Ok(Some((Message { output, nanos, text }, behind)))
}

/// A line of a terminal, or the next part of it, and what is behind it; none when it is not all there.
fn next_part(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let end = memchr(b'\n', bytes).map(|end| end + 1);
    if end.is_none() && bytes.len() < LONGEST_TIME {
        return None;
    }
    let line = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    let (nanos, text) = split_time(line);
    let time = line.len() - text.len();
    let length = match end {
        // A line whose text is one part has its end directly behind it.
        Some(end) if text.len() <= PART + 1 => end,
        _ if text.len() > PART => time + PART,
        _ => return None,
    };
    let (part, behind) = bytes.split_at_checked(length)?;
    let text = part.get(time..)?;
    Some((Message { output: Output::Stdout, nanos, text }, behind))
}

/// The time in front of a message, and its text.
fn split_time(message: &[u8]) -> (Option<i64>, &[u8]) {
    let start = message.get(..LONGEST_TIME).unwrap_or(message);
    let found = memchr(b' ', start).and_then(|end| {
        let time = std::str::from_utf8(message.get(..end)?).ok()?;
        let time: jiff::Timestamp = time.parse().ok()?;
        Some((i64::try_from(time.as_nanosecond()).ok()?, message.get(end + 1..)?))
    });
    found.map_or((None, message), |(nanos, text)| (Some(nanos), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: i64 = 1_795_579_200_123_456_789;
    const TIME: &str = "2026-11-25T04:00:00.123456789Z";

    fn frame(kind: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).expect("a short text").to_be_bytes();
        [&[kind, 0, 0, 0], length.as_slice(), text.as_bytes()].concat()
    }

    /// The messages of a stream that comes in pieces of this size.
    fn messages(
        has_terminal: bool,
        stream: &[u8],
        piece: usize,
    ) -> Result<Vec<(Output, Option<i64>, String)>, BadStream> {
        let mut messages = Messages::new(has_terminal);
        let mut found = Vec::new();
        let mut emit = |message: Message<'_>| {
            let text = String::from_utf8_lossy(message.text).into_owned();
            found.push((message.output, message.nanos, text));
        };
        for piece in stream.chunks(piece) {
            messages.feed(piece, &mut emit)?;
        }
        messages.finish(&mut emit);
        Ok(found)
    }

    #[test]
    fn frames_are_messages_wherever_the_stream_is_cut() {
        let stream = [
            frame(1, &format!("{TIME} one\n")),
            frame(2, &format!("{TIME} two\n")),
            frame(1, "without a time\n"),
        ]
        .concat();
        let expected = [
            (Output::Stdout, Some(NANOS), "one\n".to_owned()),
            (Output::Stderr, Some(NANOS), "two\n".to_owned()),
            (Output::Stdout, None, "without a time\n".to_owned()),
        ];
        for piece in 1..=stream.len() {
            assert_eq!(
                messages(false, &stream, piece).as_deref(),
                Ok(expected.as_slice()),
                "{piece}"
            );
        }
    }

    #[test]
    fn parts_of_a_terminal_s_long_lines_are_found_again() {
        let (whole, rest) = ("x".repeat(PART), "y".repeat(100));
        let stream =
            format!("{TIME} short\r\n{TIME} {whole}{TIME} {rest}\r\n{TIME} {whole}\n{TIME} end");
        let message = |text: String| (Output::Stdout, Some(NANOS), text);
        let expected = [
            message("short\r\n".into()),
            message(whole.clone()),
            message(format!("{rest}\r\n")),
            message(format!("{whole}\n")),
            message("end".into()),
        ];
        for piece in [1, 7, 31, 4_096, PART, stream.len()] {
            let found = messages(true, stream.as_bytes(), piece);
            assert_eq!(found.as_deref(), Ok(expected.as_slice()), "{piece}");
        }
    }

    #[test]
    fn what_is_no_stream_of_output_is_told() {
        let broken = frame(3, "Error grabbing logs: gone\n");
        let error = BadStream::Engine("Error grabbing logs: gone".into());
        assert_eq!(messages(false, &broken, 5), Err(error));
        assert_eq!(messages(false, b"HTTP/1.1 200 OK", 99), Err(BadStream::Frame));
        let huge = [1, 0, 0, 0, 255, 255, 255, 255];
        assert_eq!(messages(false, &huge, 99), Err(BadStream::Frame));
    }
}
