//! Entries that could not be stored and have no sender to go back to.

use super::{EntryText, SourceName};

/// An entry that is kept outside the log table, with the reason why it is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it came from.
    pub source: SourceName,
    /// What was wrong with it, or with the plugin that should have handled it.
    pub reason: String,
    /// The entry as its source sent it.
    pub entry: EntryText,
}

/// A dead letter as the database keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// Its number. Numbers rise and are never reused; a letter whose replay fails again gets a new one.
    pub id: i64,
    /// When it was written: ISO 8601, UTC, milliseconds.
    pub time: String,
    /// The letter.
    pub letter: DeadLetter,
}

/// How many dead letters are kept, and how much they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LetterTotals {
    /// How many.
    pub count: u64,
    /// Bytes of their entries, sources and reasons.
    pub bytes: u64,
}

impl DeadLetter {
    /// Bytes of its entry, source and reason.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.entry.as_str().len() + self.source.as_str().len() + self.reason.len()
    }
}
