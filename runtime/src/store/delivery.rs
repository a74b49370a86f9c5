//! What a source hands to the writer: rows, and what must be committed in the same transaction as they are.

use crate::domain::{Checkpoint, CheckpointKey, DeadLetter, EntryText, RowBatch, SourceName};

/// Rows of one source, and what goes with them: all of it is committed in one transaction, or none.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// The rows.
    pub rows: RowBatch,
    /// Entries that are no rows and have nobody to go back to.
    pub letters: Vec<DeadLetter>,
    /// New positions of the source and its inputs; without a checkpoint a position is forgotten.
    pub checkpoints: Vec<(CheckpointKey, Option<Checkpoint>)>,
    /// The entries that the rows were made of: those that the table refuses become dead letters. Without them the
    /// source is told, and that is all.
    pub originals: Option<Originals>,
    /// The numbers of the dead letters that this delivery settles: they are deleted. When one of them is gone, replayed
    /// or purged by someone else, nothing of the delivery is stored: its rows are refused and leave no letters.
    pub answered_letters: Vec<i64>,
}

/// The entries of a delivery, as their source sent them.
#[derive(Debug, Clone)]
pub struct Originals {
    /// Where they come from.
    pub source: SourceName,
    /// By the index that each row has kept.
    pub entries: Vec<EntryText>,
}

impl Delivery {
    /// How much memory all of it takes, in bytes: what to reserve in the queue. Entries that are rows as well count
    /// twice, as both are held.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        let originals = self.originals.iter().flat_map(|originals| &originals.entries);
        let originals: usize = originals.map(|entry| entry.as_str().len()).sum();
        self.written_bytes() + originals
    }

    /// What it puts into the database if the table refuses nothing, in bytes.
    pub(super) fn written_bytes(&self) -> usize {
        let letters: usize = self.letters.iter().map(DeadLetter::byte_len).sum();
        let positions = self.checkpoints.iter().filter_map(|(_, position)| position.as_ref());
        let positions: usize = positions.map(|position| position.0.len()).sum();
        self.rows.byte_len() + letters + positions
    }

    /// How many rows and letters it holds.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.letters.len()
    }
}

impl From<RowBatch> for Delivery {
    fn from(rows: RowBatch) -> Self {
        Self { rows, ..Self::default() }
    }
}
