//! What a plugin may write to loglite's log: so many lines and bytes per second, none of them able to forge others.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::metrics::PluginMetrics;

/// A longer message is cut.
const MAX_MESSAGE: usize = 8 << 10;

/// What Rust writes below the reason of a panic.
const BACKTRACE_HINT: &str = "note: run with";

const WINDOW: Duration = Duration::from_secs(1);

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The way of one plugin's messages into the log, shared by its instances.
#[derive(Debug)]
pub(super) struct LogGate {
    plugin: PluginMetrics,
    max_lines: u32,
    max_bytes: u64,
    window: Mutex<Window>,
    /// What the plugin wrote last to standard error.
    last_words: Mutex<String>,
}

/// A second, and what was written in it.
#[derive(Debug)]
struct Window {
    began: Instant,
    lines: u32,
    bytes: u64,
    /// Not told yet.
    dropped: u64,
    told: Option<Instant>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
struct Admission {
    /// It is written.
    is_written: bool,
    /// How many were dropped in the second before, now that it is over.
    reported: u64,
}

impl LogGate {
    pub(super) fn new(plugin: PluginMetrics, limits: &Limits) -> Self {
        Self {
            plugin,
            max_lines: limits.log_lines_per_second,
            max_bytes: limits.log_bytes_per_second.0,
            window: Mutex::new(Window::new(Instant::now())),
            last_words: Mutex::default(),
        }
    }

    /// Writes the message, unless the plugin has written too much in this second.
    pub(super) fn write(&self, level: Level, message: &str) {
        let message = told(message);
        let admission = self.admit(Instant::now(), message.len() as u64);
        self.report(admission.reported);
        if !admission.is_written {
            return;
        }
        let plugin = self.plugin.name();
        match level {
            Level::Debug => tracing::debug!(plugin, "{message}"),
            Level::Info => tracing::info!(plugin, "{message}"),
            Level::Warn => tracing::warn!(plugin, "{message}"),
            Level::Error => tracing::error!(plugin, "{message}"),
        }
    }

    /// Writes a line of the plugin's standard error, and keeps it as the reason of a trap that may follow.
    pub(super) fn write_error_line(&self, line: &str) {
        if !line.starts_with(BACKTRACE_HINT) {
            *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = told(line);
        }
        self.write(Level::Warn, line);
    }

    /// The last line of the plugin's standard error since this was asked; empty if there is none.
    pub(super) fn last_words(&self) -> String {
        std::mem::take(&mut *self.last_words.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells what was dropped and not told yet, for when nothing more may come for a while. No more often than once a
    /// second: a plugin decides when this is called.
    pub(super) fn settle(&self) {
        self.report(self.owed(Instant::now()));
    }

    /// How many dropped messages are to be told now.
    fn owed(&self, now: Instant) -> u64 {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = window.told.is_none_or(|told| now.duration_since(told) >= WINDOW);
        if is_due { window.tell(now) } else { 0 }
    }

    fn admit(&self, now: Instant, bytes: u64) -> Admission {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reported = 0;
        if now.duration_since(window.began) >= WINDOW {
            reported = window.tell(now);
            (window.began, window.lines, window.bytes) = (now, 0, 0);
        }
        let is_written =
            window.lines < self.max_lines && window.bytes.saturating_add(bytes) <= self.max_bytes;
        if is_written {
            window.lines += 1;
            window.bytes += bytes;
        } else {
            window.dropped += 1;
            self.plugin.lost_messages.inc();
        }
        Admission { is_written, reported }
    }

    fn report(&self, dropped: u64) {
        if dropped > 0 {
            tracing::warn!(
                plugin = self.plugin.name(),
                dropped,
                "the plugin wrote more to the log than its `limits.log_lines_per_second` and \
                 `limits.log_bytes_per_second` allow; the rest was dropped"
            );
        }
    }
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, lines: 0, bytes: 0, dropped: 0, told: None }
    }

    /// How many were dropped and not told, which they are now.
    fn tell(&mut self, now: Instant) -> u64 {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.told = Some(now);
        }
        dropped
    }
}

/// At most 8 KiB of a plugin's message, without characters that would end the line or steer a terminal.
pub(super) fn told(message: &str) -> String {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    let cut = message.get(..end).unwrap_or_default();
    let mut text: String =
        cut.chars().map(|c| if is_steering(c) { '\u{FFFD}' } else { c }).collect();
    if end < message.len() {
        text.push('…');
    }
    text
}

/// Control characters, and those that change the direction of what follows.
fn is_steering(character: char) -> bool {
    let is_control = character.is_control() && character != '\t';
    is_control
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ByteSize;

    fn gate(lines: u32, bytes: u64) -> LogGate {
        let limits = Limits {
            log_lines_per_second: lines,
            log_bytes_per_second: ByteSize(bytes),
            ..Limits::of_transform()
        };
        LogGate::new(PluginMetrics::of_nobody(), &limits)
    }

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_told_in_the_next_second() {
        let gate = gate(2, 1_000);
        let start = Instant::now();
        let written: Vec<_> = (0..5).map(|_| gate.admit(start, 1).is_written).collect();
        assert_eq!(written, [true, true, false, false, false]);
        let next = gate.admit(start + WINDOW * 2, 1);
        assert_eq!(next, Admission { is_written: true, reported: 3 });
        assert_eq!(gate.admit(start + WINDOW * 4, 1).reported, 0);
    }

    #[test]
    fn dropped_lines_are_told_once_a_second_however_often_a_plugin_pauses() {
        let gate = gate(0, 0);
        let start = Instant::now();
        gate.admit(start, 1);
        assert_eq!(gate.owed(start), 1);
        gate.admit(start, 1);
        assert_eq!(gate.owed(start), 0);
        assert_eq!(gate.owed(start + WINDOW), 1);
        assert_eq!(gate.plugin.lost_messages.get(), 2);
    }

    #[test]
    fn bytes_are_limited_too() {
        let gate = gate(100, 10);
        let now = Instant::now();
        assert!(gate.admit(now, 8).is_written);
        assert!(!gate.admit(now, 3).is_written);
        assert!(gate.admit(now, 2).is_written);
    }

    #[test]
    fn a_message_can_neither_forge_a_line_nor_steer_a_terminal() {
        assert_eq!(
            told("a\nERROR b\u{1b}[2J\u{202e}c\td"),
            "a\u{fffd}ERROR b\u{fffd}[2J\u{fffd}c\td"
        );
    }

    #[test]
    fn the_last_line_of_standard_error_is_kept_once() {
        let gate = gate(100, 1_000);
        gate.write_error_line("ValueError: no such key");
        gate.write_error_line("note: run with `RUST_BACKTRACE=1`");
        assert_eq!(gate.last_words(), "ValueError: no such key");
        assert_eq!(gate.last_words(), "");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let text = told(&"é".repeat(MAX_MESSAGE));
        assert_eq!(text.len(), MAX_MESSAGE + '…'.len_utf8());
    }
}
