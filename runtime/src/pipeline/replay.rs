//! Dead letters, once more: through the transforms of their source to the table, as if they had come just now.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;

use super::haul::{Haul, HaulBuilder, Misfit};
use super::ingest::{deliver, merged};
use super::ingestor::{IngestError, Ingestor};
use super::reader::check_entry;
use crate::domain::{DeadLetter, KeptLetter, Receipt, Refusal, SourceName};
use crate::store::{Delivery, WriteError};

/// Letters on their way at once: what arrives together is committed together.
const AT_ONCE: usize = 64;

/// Reads what a source has sent in the way of its harvester: not every source sends JSON.
pub trait Interpreter: fmt::Debug + Send + Sync {
    /// Adds the entries that the letter's text is, or the misfit that it still is.
    fn interpret(&self, letter: &DeadLetter, out: &mut HaulBuilder);
}

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
        let Haul { entries, misfits, .. } = self.read_again(&kept.letter);
        let source = kept.letter.source;
        let arrival = (source != SourceName::http()).then_some(kept.time);
        let (entries, draft) = self.bind_entries(&source, entries, arrival.clone()).await?;
        let judgement = self.chain.judge(&source, &draft.texts).await?;
        let bound = self.settle_whole(&source, draft, judgement, arrival).await?;
        self.count(&bound);
        let (delivery, mut receipt) = deliver(&source, entries, bound);
        let refuse = |misfit: &Misfit| Refusal { index: 0, error: misfit.reason.clone() };
        receipt.refused.extend(misfits.iter().map(refuse));
        let mut delivery = Delivery { answered_letters: vec![kept.id], ..delivery };
        delivery.letters.extend(misfits.into_iter().map(|misfit| misfit.into_letter(&source)));
        match self.commit(Arc::new(delivery)).await {
            Ok(stored) => Ok(merged(receipt, stored)),
            Err(WriteError::Stopping) => Err(IngestError::Stopping),
            Err(cause) => Err(IngestError::NotStored { cause, receipt }),
        }
    }

    /// What a letter holds: an entry, or the text of something that its source knows to read.
    fn read_again(&self, letter: &DeadLetter) -> Haul {
        let as_it_is = || Haul { entries: vec![letter.entry.clone()], ..Haul::default() };
        let Some(interpreter) = self.interpreters.get(&letter.source) else { return as_it_is() };
        if check_entry(letter.entry.as_str()).is_ok() {
            return as_it_is();
        }
        let mut out = HaulBuilder::default();
        interpreter.interpret(letter, &mut out);
        if out.is_empty() { as_it_is() } else { out.take() }
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
