//! Some of a source's rows, for a transaction that may have to be cut into smaller ones.

use std::ops::Range;

use crate::domain::{Refusal, RowBatch, RowView};

/// Consecutive rows of one source's batch.
#[derive(Debug, Clone)]
pub(super) struct Part<'b> {
    batch: &'b RowBatch,
    rows: Range<usize>,
}

impl<'b> Part<'b> {
    /// All rows of a batch.
    pub(super) fn whole(batch: &'b RowBatch) -> Self {
        Self { batch, rows: 0..batch.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = RowView<'b>> + use<'b> {
        self.batch.rows().skip(self.rows.start).take(self.rows.len())
    }

    /// None when there is nothing to cut.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let Range { start, end } = self.rows;
        let middle = start + self.len() / 2;
        let part = |rows| Self { batch: self.batch, rows };
        (self.len() > 1).then(|| [part(start..middle), part(middle..end)])
    }

    /// Refuses all rows for this reason.
    pub(super) fn refusals(&self, error: &str) -> impl Iterator<Item = Refusal> {
        self.rows().map(move |row| Refusal { index: row.index, error: error.to_owned() })
    }
}
