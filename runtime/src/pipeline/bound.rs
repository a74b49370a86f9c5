//! Entries bound to the schema, in parts that are delivered one by one.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::domain::{DeadLetter, Refusal, RowBatch};

/// At how many rows or bytes a part is closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    rows: usize,
    bytes: usize,
}

/// The entries of a body, bound to the schema.
#[derive(Debug, Default)]
pub struct Bound {
    pub(super) parts: Vec<BoundPart>,
    /// Entries that are no rows, by rising index.
    pub(super) refused: Vec<Refusal>,
    /// How many entries transforms have dropped.
    pub(super) dropped: usize,
    /// Keys that were dropped because they are no column.
    pub ignored_fields: BTreeSet<String>,
}

/// Entries that are committed together.
#[derive(Debug, Default)]
pub(super) struct BoundPart {
    pub(super) rows: RowBatch,
    /// Entries that a transform failed on.
    pub(super) letters: Vec<DeadLetter>,
    /// The same entries by their indexes.
    pub(super) dead: Vec<Refusal>,
    /// The entries of rows and letters; none when they are all between the first row and the last one.
    pub(super) members: Option<Vec<usize>>,
}

/// The indexes of a part's entries.
#[derive(Debug)]
pub(super) enum Members {
    Range(RangeInclusive<usize>),
    List(Vec<usize>),
}

impl Cut {
    /// No source holds the writer for long.
    pub(super) const BATCH: Self = Self { rows: 1_000, bytes: 1 << 20 };
    /// All in one part.
    pub(super) const NEVER: Self = Self { rows: usize::MAX, bytes: usize::MAX };

    pub(super) fn is_due(self, rows: usize, bytes: usize) -> bool {
        rows >= self.rows || bytes >= self.bytes
    }

    /// What a part of a source with this many bytes may come to.
    pub(super) fn capacity(self, bytes: usize) -> usize {
        bytes.min(self.bytes)
    }
}

impl BoundPart {
    /// What it occupies in memory, in bytes.
    pub(super) fn byte_len(&self) -> usize {
        self.rows.byte_len() + self.letters.iter().map(DeadLetter::byte_len).sum::<usize>()
    }

    /// How many rows and letters it holds.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.letters.len()
    }

    /// Takes the list of members out.
    pub(super) fn take_members(&mut self) -> Members {
        match self.members.take() {
            Some(list) => Members::List(list),
            None => Members::Range(self.rows.index_range()),
        }
    }
}

impl From<RowBatch> for BoundPart {
    fn from(rows: RowBatch) -> Self {
        Self { rows, ..Self::default() }
    }
}

impl Members {
    /// Refuses all of them for this reason.
    pub(super) fn refuse(self, error: &str) -> Vec<Refusal> {
        let refuse = |index| Refusal { index, error: error.to_owned() };
        match self {
            Self::Range(range) => range.map(refuse).collect(),
            Self::List(list) => list.into_iter().map(refuse).collect(),
        }
    }
}
