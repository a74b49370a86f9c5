//! What came of one input of an import.

use std::collections::BTreeSet;
use std::io;

use crate::domain::Receipt;
use crate::pipeline::Misfit;

/// So many oddities of an input are told in detail.
const MOST_TOLD: usize = 5;

/// What came of one input.
#[derive(Debug)]
pub struct Imported {
    /// What the input is called.
    pub name: String,
    /// How it ended.
    pub end: End,
    /// Lines before the first one of this run.
    pub(super) begins_at: u64,
    /// Lines that were read in this run.
    pub lines: u64,
    /// Rows that were stored, or entries that could be made if nothing was to be stored.
    pub stored: u64,
    /// Entries that transforms have dropped.
    pub dropped: u64,
    /// Lines that became dead letters.
    pub dead: u64,
    /// The first lines that became dead letters.
    pub oddities: Vec<Oddity>,
    /// Keys of entries that were dropped because they are no column.
    pub ignored_fields: BTreeSet<String>,
}

/// How an input ended.
#[derive(Debug)]
pub enum End {
    /// All of it was read.
    Done,
    /// It was imported before.
    AlreadyDone {
        /// Its lines.
        lines: u64,
        /// When.
        time: String,
    },
    /// The import was asked to stop.
    Interrupted,
    /// It can't be read, or not further.
    Failed(io::Error),
}

/// A line that is no entry, or that the table refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Where it begins, from 1 on.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Imported {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            end: End::Interrupted,
            begins_at: 0,
            lines: 0,
            stored: 0,
            dropped: 0,
            dead: 0,
            oddities: Vec::new(),
            ignored_fields: BTreeSet::new(),
        }
    }

    pub(super) fn ended(self, end: End) -> Self {
        Self { end, ..self }
    }

    /// Counts what was stored of entries that began in these lines; `lines` is where the input stands now.
    pub(super) fn stored(&mut self, receipt: &Receipt, entry_lines: &[u64], lines: u64) {
        self.stored += receipt.stored as u64;
        self.dropped += receipt.dropped as u64;
        self.lines = lines.saturating_sub(self.begins_at);
        for refusal in receipt.refused.iter().chain(&receipt.dead) {
            let line = entry_lines.get(refusal.index).copied().unwrap_or_default();
            self.add(Oddity { line, reason: refusal.error.clone() });
        }
    }

    pub(super) fn misfits(&mut self, misfits: Vec<Oddity>) {
        misfits.into_iter().for_each(|misfit| self.add(misfit));
    }

    pub(super) fn add(&mut self, oddity: Oddity) {
        self.dead += 1;
        if self.oddities.len() < MOST_TOLD {
            self.oddities.push(oddity);
        }
    }
}

impl Oddity {
    pub(super) fn of_misfits(misfits: &[Misfit], lines: &[u64]) -> Vec<Self> {
        let pairs = misfits.iter().zip(lines);
        pairs.map(|(misfit, line)| Self { line: *line, reason: misfit.reason.clone() }).collect()
    }
}
