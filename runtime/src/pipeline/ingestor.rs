//! The only door into the pipeline.

use std::sync::Arc;

use super::bind::Binder;
use super::entries::Bound;
use crate::domain::{Receipt, Refusal};
use crate::metrics::Metrics;
use crate::store::{PendingReceipt, WriteError, WriteQueue};

/// Takes entries that are bound to the schema and answers what became of them.
#[derive(Debug)]
pub struct Ingestor {
    binder: Binder,
    queue: Arc<WriteQueue>,
    metrics: Metrics,
}

/// Why entries were not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The queue is full. Nothing was taken; try again soon.
    #[error("the ingest queue is full; retry in a second, or raise `ingest_queue_size`")]
    QueueFull,
    /// The writer could not store all of it. What was stored before is in the receipt, the rest in its refusals.
    #[error("{cause}")]
    NotStored {
        /// Why.
        cause: WriteError,
        /// What became of each entry.
        receipt: Receipt,
    },
}

/// Entries on their way to the disk.
#[derive(Debug)]
pub struct Pending {
    receipts: Vec<Share>,
    refused: Vec<Refusal>,
}

/// One batch's receipt to come, and the indexes of its entries in case it never does.
#[derive(Debug)]
struct Share {
    receipt: Result<PendingReceipt, WriteError>,
    indexes: std::ops::RangeInclusive<usize>,
}

impl Ingestor {
    /// A door to this queue.
    #[must_use]
    pub fn new(binder: Binder, queue: Arc<WriteQueue>, metrics: Metrics) -> Self {
        Self { binder, queue, metrics }
    }

    /// Reads entries from bytes.
    #[must_use]
    pub fn binder(&self) -> &Binder {
        &self.binder
    }

    /// Takes all entries or none, without waiting.
    ///
    /// # Errors
    /// [`IngestError::QueueFull`]
    pub fn try_ingest(&self, bound: Bound) -> Result<Pending, IngestError> {
        let bytes = bound.batches.iter().map(|batch| batch.byte_len()).sum();
        let Some(mut room) = self.queue.try_reserve(bytes) else {
            let rows: usize = bound.batches.iter().map(|batch| batch.len()).sum();
            self.metrics.entries_failed.inc_by(rows as u64);
            return Err(IngestError::QueueFull);
        };
        self.metrics.entries_refused.inc_by(bound.refused.len() as u64);
        let share = |batch: crate::domain::RowBatch| {
            let indexes = batch.index_range();
            let part = room.split(batch.byte_len());
            Share { receipt: self.queue.push(batch.into(), part), indexes }
        };
        let receipts = bound.batches.into_iter().map(share).collect();
        Ok(Pending { receipts, refused: bound.refused })
    }
}

impl Pending {
    /// Waits for the commits. Dropping the future changes nothing for the entries.
    ///
    /// # Errors
    /// [`IngestError::NotStored`]
    pub async fn receipt(self) -> Result<Receipt, IngestError> {
        let mut receipt = Receipt { refused: self.refused, ..Receipt::default() };
        let mut failure = None;
        for share in self.receipts {
            let outcome = match share.receipt {
                Ok(pending) => pending.await.unwrap_or(Err(WriteError::Stopping)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok(part) => receipt.merge(part),
                Err(cause) => {
                    let error = format!("not stored: {cause}");
                    let lost = share.indexes.map(|index| Refusal { index, error: error.clone() });
                    receipt.refused.extend(lost);
                    failure.get_or_insert(cause);
                }
            }
        }
        receipt.refused.sort_by_key(|refusal| refusal.index);
        receipt.refused.dedup_by_key(|refusal| refusal.index);
        match failure {
            Some(cause) => Err(IngestError::NotStored { cause, receipt }),
            None => Ok(receipt),
        }
    }
}
