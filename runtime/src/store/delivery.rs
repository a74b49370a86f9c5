//! What a source hands to the writer: rows, and what must be committed in the same transaction as they are.

use crate::domain::{Checkpoint, DeadLetter, EntryText, RowBatch, SourceName};

/// Rows of one source, and what goes with them: all of it is committed in one transaction, or none.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The rows.
    pub rows: RowBatch,
    /// Entries that are no rows and have nobody to go back to.
    pub letters: Vec<DeadLetter>,
    /// The source's new position.
    pub checkpoint: Option<(SourceName, Checkpoint)>,
    /// The entries that the rows were made of: those that the table refuses become dead letters. Without them the
    /// source is told, and that is all.
    pub originals: Option<Originals>,
}

/// The entries of a delivery, as their source sent them.
#[derive(Debug)]
pub struct Originals {
    /// Where they come from.
    pub source: SourceName,
    /// By the index that each row has kept.
    pub entries: Vec<EntryText>,
}

impl From<RowBatch> for Delivery {
    fn from(rows: RowBatch) -> Self {
        Self { rows, ..Self::default() }
    }
}
