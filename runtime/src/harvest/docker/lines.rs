//! From messages to lines, with the position behind the last line that was handed out.

use std::collections::VecDeque;

use super::messages::{Message, Output};
use super::position::{Mark, Position};
use crate::config::LineConfig;
use crate::harvest::{Assembler, Line};

/// A line, where it is from, and when it was begun (nanoseconds since 1970).
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) line: Line<'a>,
    pub(super) output: Output,
    pub(super) nanos: i64,
}

/// The lines of both outputs of a container.
#[derive(Debug)]
pub(super) struct Lines {
    stdout: OutputLines,
    stderr: OutputLines,
}

/// The lines of one output.
#[derive(Debug)]
struct OutputLines {
    output: Output,
    assembler: Assembler,
    /// Bytes that the assembler was given; offsets in the output count from the same place.
    fed: u64,
    /// Messages of which something has not come out of the assembler.
    unread: VecDeque<Unread>,
    mark: Mark,
    /// How many messages of the mark's time were known and have come again; none once something new has come.
    known: Option<u64>,
}

/// A message in the assembler.
#[derive(Debug, Clone, Copy)]
struct Unread {
    nanos: i64,
    start: u64,
    end: u64,
}

impl Lines {
    /// Lines behind this position, of a stream that begins at or before it.
    pub(super) fn new(config: &LineConfig, position: Position) -> Self {
        Self {
            stdout: OutputLines::new(Output::Stdout, config, position.stdout),
            stderr: OutputLines::new(Output::Stderr, config, position.stderr),
        }
    }

    /// Takes the next message, and hands out the lines that are whole with it.
    pub(super) fn feed(&mut self, message: Message<'_>, emit: impl FnMut(Written<'_>)) {
        match message.output {
            Output::Stdout => self.stdout.feed(message, emit),
            Output::Stderr => self.stderr.feed(message, emit),
        }
    }

    /// Hands out what has no end yet: the container has ended.
    pub(super) fn finish(&mut self, mut emit: impl FnMut(Written<'_>)) {
        self.stdout.flush(|assembler, emit| assembler.finish(emit), &mut emit);
        self.stderr.flush(|assembler, emit| assembler.finish(emit), &mut emit);
    }

    /// Whether lines are pending that nothing may follow for long.
    pub(super) fn has_event(&self) -> bool {
        self.stdout.assembler.has_event() || self.stderr.assembler.has_event()
    }

    /// Hands these out: both outputs have been silent.
    pub(super) fn settle(&mut self, mut emit: impl FnMut(Written<'_>)) {
        self.stdout.flush(|assembler, emit| assembler.settle(emit), &mut emit);
        self.stderr.flush(|assembler, emit| assembler.settle(emit), &mut emit);
    }

    /// Behind all that was handed out.
    pub(super) fn position(&self) -> Position {
        let read = Position { stdout: self.stdout.mark, stderr: self.stderr.mark };
        let silent = read.silent_mark();
        Position { stdout: self.stdout.mark_or(silent), stderr: self.stderr.mark_or(silent) }
    }
}

impl OutputLines {
    fn new(output: Output, config: &LineConfig, mark: Mark) -> Self {
        let (assembler, unread) = (Assembler::resumed(config), VecDeque::new());
        Self { output, assembler, fed: mark.bytes, unread, mark, known: Some(0) }
    }

    fn feed(&mut self, message: Message<'_>, mut emit: impl FnMut(Written<'_>)) {
        let latest = self.unread.back().map_or(self.mark.nanos, |unread| unread.nanos);
        let nanos = message.nanos.unwrap_or(latest);
        let Some(text) = self.unknown(nanos, message.text) else { return };
        let start = self.fed - (message.text.len() - text.len()) as u64;
        self.fed += text.len() as u64;
        self.unread.push_back(Unread { nanos, start, end: self.fed });
        self.flush(|assembler, emit| assembler.feed(text, emit), &mut emit);
    }

    /// The part of a message that was not read before.
    fn unknown<'a>(&mut self, nanos: i64, text: &'a [u8]) -> Option<&'a [u8]> {
        let Some(known) = self.known else { return Some(text) };
        if nanos < self.mark.nanos {
            return None;
        }
        if nanos == self.mark.nanos && known < self.mark.count {
            self.known = Some(known + 1);
            return None;
        }
        self.known = None;
        let read = usize::try_from(self.mark.bytes).unwrap_or(usize::MAX);
        Some(text.get(read..).unwrap_or_default())
    }

    /// Lets the assembler hand out lines, and moves the mark behind them.
    fn flush(
        &mut self,
        act: impl FnOnce(&mut Assembler, &mut dyn FnMut(Line<'_>)),
        emit: &mut impl FnMut(Written<'_>),
    ) {
        let Some(first) = self.unread.front() else { return };
        let (output, nanos) = (self.output, first.nanos);
        act(&mut self.assembler, &mut |line| emit(Written { line, output, nanos }));
        let read = self.fed.saturating_sub(self.assembler.pending_bytes());
        while let Some(message) = self.unread.front().copied().filter(|next| next.end <= read) {
            self.mark.pass(message.nanos);
            self.unread.pop_front();
        }
        if let Some(next) = self.unread.front() {
            self.mark.bytes = read.saturating_sub(next.start);
        }
    }

    /// Its mark, unless it has been silent since this one.
    fn mark_or(&self, silent: Mark) -> Mark {
        if self.unread.is_empty() && self.mark.nanos < silent.nanos { silent } else { self.mark }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::config::{MultilineConfig, Pattern};

    type Log = Vec<(Output, i64, String)>;

    fn message((output, nanos, text): &(Output, i64, String)) -> Message<'_> {
        Message { output: *output, nanos: Some(*nanos), text: text.as_bytes() }
    }

    /// What an engine sends that is asked for messages behind this position.
    fn sent(log: &Log, position: Position) -> impl Iterator<Item = Message<'_>> {
        let since = position.since_nanos();
        log.iter().filter(move |(_, nanos, _)| *nanos >= since).map(message)
    }

    fn feed(lines: &mut Lines, message: Message<'_>, found: &mut Vec<String>) {
        lines.feed(message, |written| {
            let Line::Whole(text) = written.line else { panic!("a short line") };
            let text = String::from_utf8_lossy(text);
            found.push(format!("{} {} {text}", written.output.name(), written.nanos));
        });
    }

    /// Both outputs, times that repeat, lines in parts; one message has two lines.
    fn log() -> Log {
        let second = 1_000_000_000;
        let mut log = Log::new();
        for number in 0..60_i64 {
            let output = if number % 7 == 3 { Output::Stderr } else { Output::Stdout };
            let nanos = number / 3 * second;
            let text = match number % 5 {
                0 => format!("{number} begin "),
                1 => format!("{number} end\n"),
                2 => format!("{number} first\n{number} second\n"),
                _ => format!("{number}\n"),
            };
            log.push((output, nanos, text));
        }
        log.push((Output::Stdout, 60 * second, "last\n".into()));
        log.push((Output::Stderr, 60 * second, "last\n".into()));
        log
    }

    /// Begins anew behind each message, and checks that all lines come once.
    fn check(config: &LineConfig) {
        let log = log();
        let all = |from: Position, messages: usize| {
            let (mut lines, mut found) = (Lines::new(config, from), Vec::new());
            for message in sent(&log, from).take(messages) {
                feed(&mut lines, message, &mut found);
            }
            (lines.position(), found)
        };
        let (_, expected) = all(Position::default(), usize::MAX);
        assert!(expected.len() > 20, "{expected:#?}");
        for cut in 0..=log.len() {
            let (position, mut found) = all(Position::default(), cut);
            let kept = Position::of(&position.checkpoint()).expect("it is read again");
            found.extend(all(kept, usize::MAX).1);
            // What one output has pending comes later then, so the outputs' order to each other is not kept.
            let of = |lines: &[String], output: &str| {
                lines.iter().filter(|line| line.starts_with(output)).cloned().collect::<Vec<_>>()
            };
            for output in ["stdout", "stderr"] {
                assert_eq!(of(&found, output), of(&expected, output), "cut behind {cut}");
            }
        }
    }

    #[test]
    fn lines_come_once_wherever_reading_was_cut_off() {
        check(&LineConfig::default());
    }

    #[test]
    fn lines_that_belong_together_come_once_wherever_reading_was_cut_off() {
        let start = Pattern(Regex::new("^[0-9]*[02468]\\b").expect("a good pattern"));
        let timeout = std::time::Duration::from_secs(1);
        let multiline = Some(MultilineConfig { start, timeout });
        check(&LineConfig { multiline, ..LineConfig::default() });
    }

    #[test]
    fn a_line_has_the_time_of_its_first_part() {
        let mut lines = Lines::new(&LineConfig::default(), Position::default());
        let mut found = Vec::new();
        for (nanos, text) in [(5, "one "), (6, "line\n"), (7, "next\n")] {
            let log = (Output::Stdout, nanos, text.to_owned());
            feed(&mut lines, message(&log), &mut found);
        }
        assert_eq!(found, ["stdout 5 one line", "stdout 7 next"]);
    }

    #[test]
    fn an_output_that_is_silent_is_not_asked_for_old_messages() {
        let mut lines = Lines::new(&LineConfig::default(), Position::default());
        let hour = 3_600_000_000_000;
        let log = (Output::Stdout, hour, "one\n".to_owned());
        feed(&mut lines, message(&log), &mut Vec::new());
        let since = lines.position().since_nanos();
        assert!(hour - since <= 10_000_000_000, "{since}");
    }
}
