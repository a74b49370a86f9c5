//! Entries that the writer has, until it says what became of them.

use super::bound::Members;
use super::ingestor::IngestError;
use crate::domain::{Receipt, Refusal};
use crate::store::{PendingReceipt, WriteError};

/// Entries on their way to the disk.
#[derive(Debug)]
pub struct Pending {
    shares: Vec<Share>,
    refused: Vec<Refusal>,
    dropped: usize,
}

/// One part's receipt to come, and its entries in case it never does.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) receipt: Result<PendingReceipt, WriteError>,
    /// Those that are committed as dead letters.
    pub(super) dead: Vec<Refusal>,
    pub(super) members: Members,
}

impl Pending {
    pub(super) fn new(shares: Vec<Share>, refused: Vec<Refusal>, dropped: usize) -> Self {
        Self { shares, refused, dropped }
    }

    /// Waits for the commits. Dropping the future changes nothing for the entries.
    ///
    /// # Errors
    /// [`IngestError::NotStored`]
    pub async fn receipt(self) -> Result<Receipt, IngestError> {
        let mut receipt =
            Receipt { refused: self.refused, dropped: self.dropped, ..Receipt::default() };
        let mut failure = None;
        for share in self.shares {
            match outcome(share.receipt).await {
                Ok(part) => {
                    receipt.merge(part);
                    receipt.dead.extend(share.dead);
                }
                Err(cause) => {
                    receipt.refused.extend(share.members.refuse(&format!("not stored: {cause}")));
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

async fn outcome(receipt: Result<PendingReceipt, WriteError>) -> Result<Receipt, WriteError> {
    receipt?.await.unwrap_or(Err(WriteError::Stopping))
}
