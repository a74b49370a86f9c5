//! From frames to entries: which part of a message is the entry, and what peers tell each other besides.

use std::sync::Arc;

use super::frames::{Frame, FrameKind, write_frame};
use crate::config::LineFormat;
use crate::harvest::{Line, LineReader};
use crate::pipeline::HaulBuilder;

/// What is kept of a topic.
const LONGEST_TOPIC: usize = 1_024;
/// What is kept of a message that is too long.
const KEPT_BYTES: usize = 1_024;
const PING: &[u8] = b"\x04PING";
const PONG: &[u8] = b"\x04PONG";
/// In a PING: for how long the connection is to be kept without traffic.
const TTL_BYTES: usize = 2;

/// Makes entries of the messages of one connection.
#[derive(Debug)]
pub(super) struct Messages {
    reader: Arc<LineReader>,
    is_json: bool,
    /// The parts before the one that is the entry.
    topic: Vec<u8>,
    is_within: bool,
    is_asked: bool,
    reply: Option<Vec<u8>>,
}

impl Messages {
    pub(super) fn new(reader: Arc<LineReader>, format: &LineFormat) -> Self {
        let is_json = matches!(format, LineFormat::Json);
        Self { reader, is_json, topic: Vec::new(), is_within: false, is_asked: false, reply: None }
    }

    /// Takes the next frame. The last one of a message is the entry, those before it are where it is from.
    pub(super) fn take(&mut self, frame: Frame<'_>, out: &mut HaulBuilder) {
        match frame.kind {
            FrameKind::Command => self.command(frame.bytes),
            FrameKind::Part => {
                self.is_within = true;
                self.add_to_topic(frame.bytes);
            }
            FrameKind::Last => {
                self.is_within = false;
                self.read(frame, out);
                self.topic.clear();
            }
        }
    }

    /// Whether a message has begun whose last part has not come.
    pub(super) fn is_within(&self) -> bool {
        self.is_within
    }

    /// Whether the peer has ever asked whether we are still there.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Whether the peer waits for an answer.
    pub(super) fn has_reply(&self) -> bool {
        self.reply.is_some()
    }

    /// The answer that the peer waits for; to several questions there is one.
    pub(super) fn take_reply(&mut self) -> Option<Vec<u8>> {
        self.reply.take()
    }

    fn add_to_topic(&mut self, part: &[u8]) {
        if !self.topic.is_empty() && !part.is_empty() {
            self.topic.push(b' ');
        }
        let room = LONGEST_TOPIC.saturating_sub(self.topic.len());
        self.topic.extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn read(&self, frame: Frame<'_>, out: &mut HaulBuilder) {
        if frame.length > frame.bytes.len() as u64 {
            let start = frame.bytes.get(..KEPT_BYTES).unwrap_or(frame.bytes);
            let line = Line::TooLong { start, bytes: frame.length };
            return self.reader.read(line, &String::from_utf8_lossy(&self.topic), out);
        }
        let (topic, text) = match topic_in(frame.bytes) {
            Some(parts) if self.is_json && self.topic.is_empty() => parts,
            _ => (self.topic.as_slice(), frame.bytes),
        };
        let text = text.trim_ascii_end();
        if !text.is_empty() {
            self.reader.read(Line::Whole(text), &String::from_utf8_lossy(topic), out);
        }
    }

    fn command(&mut self, command: &[u8]) {
        let Some(context) = command.strip_prefix(PING) else { return };
        self.is_asked = true;
        let context = context.get(TTL_BYTES..).unwrap_or_default();
        self.reply = Some(pong(context));
    }
}

/// What tells a peer, unasked, that we are still there.
pub(super) fn still_here() -> Vec<u8> {
    pong(b"")
}

fn pong(context: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_frame(FrameKind::Command, &[PONG, context].concat(), &mut frame);
    frame
}

/// The two sides of `topic {"an": "entry"}`: publishers that send one part often write it like that.
fn topic_in(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let begins_json = |text: &[u8]| matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    if begins_json(text) {
        return None;
    }
    let space = memchr::memchr(b' ', text)?;
    let (topic, rest) = text.split_at_checked(space)?;
    begins_json(rest).then_some((topic, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LineConfig;

    fn messages(format: LineFormat) -> Messages {
        let config = LineConfig { format, ..LineConfig::default() };
        Messages::new(LineReader::new(&config, "timestamp").into(), &config.format)
    }

    #[test]
    fn a_topic_in_front_of_json_is_told_from_it() {
        let cut = |text: &'static str| topic_in(text.as_bytes());
        assert_eq!(cut("app.api {\"a\": 1}"), Some((&b"app.api"[..], &b" {\"a\": 1}"[..])));
        assert_eq!(cut("app [{}]"), Some((&b"app"[..], &b" [{}]"[..])));
        for text in ["{\"a\": 1}", " [{}]", "some words", "a b {}", "word", ""] {
            assert_eq!(cut(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_part_of_a_message_is_the_entry() {
        let mut messages = messages(LineFormat::Json);
        let mut haul = HaulBuilder::default();
        let parts = [(FrameKind::Part, "app"), (FrameKind::Part, "{}"), (FrameKind::Last, "{}")];
        for (kind, text) in parts {
            let frame = Frame { kind, bytes: text.as_bytes(), length: text.len() as u64 };
            messages.take(frame, &mut haul);
        }

        assert_eq!((haul.take().entries.len(), messages.is_within()), (1, false));
        assert!(messages.topic.is_empty(), "the next message has its own");
    }

    #[test]
    fn a_ping_is_answered_with_its_context() {
        let mut messages = messages(LineFormat::Text);
        let ping = [PING, &[0, 9], b"context"].concat();

        let frame = Frame { kind: FrameKind::Command, bytes: &ping, length: ping.len() as u64 };
        messages.take(frame, &mut HaulBuilder::default());

        let mut pong = Vec::new();
        write_frame(FrameKind::Command, b"\x04PONGcontext", &mut pong);
        assert_eq!((messages.take_reply(), messages.take_reply()), (Some(pong), None));
    }
}
