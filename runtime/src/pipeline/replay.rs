//! Dead letters, once more: through the transforms of their source to the table, as if they had come just now.

use futures_util::StreamExt;
use futures_util::stream;

use super::ingest::{deliver, merged};
use super::ingestor::{IngestError, Ingestor};
use crate::domain::{KeptLetter, Receipt, SourceName};
use crate::store::{Delivery, WriteError};

/// Letters on their way at once: what arrives together is committed together.
const AT_ONCE: usize = 64;

/// What became of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The letter's number.
    pub id: i64,
    /// What became of it.
    pub outcome: ReplayOutcome,
}

/// What became of a dead letter that was replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// It is in the table, as this many rows, and the letter is deleted.
    Stored(usize),
    /// A transform dropped it, as configured, and the letter is deleted.
    Dropped,
    /// It failed again, for this reason, and is a new letter in place of the old one. Or the letter was replayed or
    /// purged by someone else meanwhile, and nothing has changed: then the reason says so.
    Failed(String),
    /// Nothing has changed: the storage fails, a transform takes nothing, or the service is stopping.
    Untouched(String),
}

impl Ingestor {
    /// Puts dead letters through the transforms of their source and to the table, and waits for the commits. The
    /// outcomes are in the order of the letters. A letter is deleted in the transaction that stores its entry, so
    /// dropping the future leaves each one either replayed or as it was.
    ///
    /// A harvester's entry without a timestamp gets the time at which its letter was written; for one that came by HTTP the
    /// column's DEFAULT decides, as it does for those of a request.
    pub async fn replay(&self, letters: Vec<KeptLetter>) -> Vec<Replayed> {
        let replay = async |letter: KeptLetter| {
            let id = letter.id;
            let outcome = match self.replay_one(letter).await {
                Ok(receipt) => outcome(receipt),
                Err(error) => ReplayOutcome::Untouched(error.to_string()),
            };
            Replayed { id, outcome }
        };
        stream::iter(letters).map(replay).buffered(AT_ONCE).collect().await
    }

    async fn replay_one(&self, kept: KeptLetter) -> Result<Receipt, IngestError> {
        let source = kept.letter.source;
        let arrival = (source != SourceName::http()).then_some(kept.time);
        let entries = vec![kept.letter.entry];
        let (entries, draft) = self.bind_entries(entries, arrival.clone()).await?;
        let judgement = self.chain.judge(&source, &draft.texts).await?;
        let bound = self.settle_whole(&source, draft, judgement, arrival).await?;
        self.count(&bound);
        let (delivery, receipt) = deliver(&source, entries, bound);
        let delivery = Delivery { answered_letters: vec![kept.id], ..delivery };
        match self.commit(delivery).await {
            Ok(stored) => Ok(merged(receipt, stored)),
            Err(WriteError::Stopping) => Err(IngestError::Stopping),
            Err(cause) => Err(IngestError::NotStored { cause, receipt }),
        }
    }
}

fn outcome(receipt: Receipt) -> ReplayOutcome {
    let fault = receipt.dead.into_iter().chain(receipt.refused).next();
    match fault {
        Some(fault) => ReplayOutcome::Failed(fault.error),
        None if receipt.stored == 0 => ReplayOutcome::Dropped,
        None => ReplayOutcome::Stored(receipt.stored),
    }
}
