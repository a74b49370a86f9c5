//! What became of lines.

use crate::domain::{EntryText, Receipt};
use crate::pipeline::Misfit;

/// A line that is not in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStored {
    /// Why.
    pub reason: String,
    /// The line, or the entry that was made of it.
    pub text: String,
    /// Whether it is kept as a dead letter.
    pub is_kept: bool,
}

/// How many lines became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PipeTally {
    /// Rows.
    pub stored: u64,
    /// Dropped by transforms.
    pub dropped: u64,
    /// Kept as dead letters.
    pub kept: u64,
    /// Refused, and kept nowhere.
    pub refused: u64,
}

/// What became of lines that were handed over together.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) stored: u64,
    pub(super) dropped: u64,
    pub(super) not_stored: Vec<NotStored>,
}

impl Stored {
    pub(super) fn misfits(&mut self, misfits: &[Misfit], is_kept: bool) {
        self.not_stored.extend(misfits.iter().map(|misfit| NotStored {
            reason: misfit.reason.clone(),
            text: misfit.text.clone(),
            is_kept,
        }));
    }

    /// What this process has made of the entries: it keeps all that it refuses.
    pub(super) fn receipt(&mut self, receipt: &Receipt, entries: &[EntryText]) {
        self.stored += receipt.stored as u64;
        self.dropped += receipt.dropped as u64;
        for refusal in receipt.refused.iter().chain(&receipt.dead) {
            self.refuse(entries.get(refusal.index), &refusal.error, true);
        }
    }

    pub(super) fn refuse(&mut self, entry: Option<&EntryText>, reason: &str, is_kept: bool) {
        let text = entry.map_or("", EntryText::as_str).to_owned();
        self.not_stored.push(NotStored { reason: reason.to_owned(), text, is_kept });
    }
}

impl PipeTally {
    pub(super) fn add(&mut self, stored: &Stored) {
        let kept = stored.not_stored.iter().filter(|line| line.is_kept).count() as u64;
        self.stored += stored.stored;
        self.dropped += stored.dropped;
        self.kept += kept;
        self.refused += stored.not_stored.len() as u64 - kept;
    }
}
