//! The door for sources within the process: they wait for room and for the commit, and keep a position.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::bound::{Bound, Cut};
use super::chain::{Judgement, TransformChain};
use super::draft::Draft;
use super::ingestor::{INLINE_BYTES, IngestError, Ingestor, off_thread};
use super::settle::{Terms, settle};
use crate::domain::{Checkpoint, DeadLetter, EntryText, Receipt, Refusal, SourceName};
use crate::store::{Delivery, Originals, StoreError, WriteError};

/// Between two tries while the storage fails or a transform takes nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Ingestor {
    /// Takes entries and with them the source's new position, and waits until all of it is committed, in one
    /// transaction. It waits for room in the queue, and tries again while the storage fails or a transform takes
    /// nothing. With entries that go nowhere and no position there is nothing to commit.
    ///
    /// An entry that is no row becomes a dead letter. It is in the receipt's `refused`, or in `dead` when a transform
    /// failed on it. An entry without a timestamp gets the time of this call.
    ///
    /// Dropping the future leaves nothing half done: all of it is committed or nothing is, and
    /// [`Ingestor::last_checkpoint`] tells which. Calls with a position of one source are to be made one after another.
    ///
    /// # Errors
    /// [`IngestError::Stopping`]
    pub async fn ingest(
        &self,
        source: &SourceName,
        entries: Vec<EntryText>,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Receipt, IngestError> {
        let arrival = now();
        let (entries, draft) = self.bind_entries(entries, Some(arrival.clone())).await?;
        let judgement = judge_patiently(&self.chain, source, &draft.texts).await;
        let bound = self.settle_whole(source, draft, judgement, Some(arrival)).await?;
        self.count(&bound);
        let position = checkpoint.map(|checkpoint| (source.clone(), checkpoint));
        let (delivery, receipt) = deliver(source, entries, bound);
        let delivery = Delivery { checkpoint: position, ..delivery };
        if delivery.rows.is_empty() && delivery.letters.is_empty() && delivery.checkpoint.is_none()
        {
            return Ok(receipt);
        }
        Ok(merged(receipt, self.store_patiently(delivery).await?))
    }

    /// The position that was committed last for this source. It waits for deliveries that are on their way: those of
    /// a harvester that was cut off may be among them.
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn last_checkpoint(
        &self,
        source: &SourceName,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.store.checkpoint(source.clone()).await
    }

    /// Reads entries as they came; off the async threads when that takes long.
    pub(super) async fn bind_entries(
        &self,
        entries: Vec<EntryText>,
        arrival: Option<String>,
    ) -> Result<(Vec<EntryText>, Draft), IngestError> {
        let bytes: usize = entries.iter().map(EntryText::byte_len).sum();
        if bytes <= INLINE_BYTES {
            let draft = self.binder.draft_entries(&entries, arrival.as_deref());
            return Ok((entries, draft));
        }
        let binder = Arc::clone(&self.binder);
        off_thread(move || {
            let draft = binder.draft_entries(&entries, arrival.as_deref());
            (entries, draft)
        })
        .await
    }

    /// Puts what transforms have said into effect, all of it in one part.
    pub(super) async fn settle_whole(
        &self,
        source: &SourceName,
        draft: Draft,
        judgement: Judgement,
        arrival: Option<String>,
    ) -> Result<Bound, IngestError> {
        let Judgement::Each { fates, last } = judgement else { return Ok(draft.bound) };
        let is_short = draft.byte_len() <= INLINE_BYTES;
        let (binder, source) = (Arc::clone(&self.binder), source.clone());
        let work = move || {
            let arrival = arrival.as_deref();
            let terms = Terms { source: &source, last: &last, arrival, cut: Cut::NEVER };
            settle(&binder, &draft, &fates, terms)
        };
        if is_short { Ok(work()) } else { off_thread(work).await }
    }

    async fn store_patiently(&self, delivery: Delivery) -> Result<Receipt, IngestError> {
        let mut pauses = Pauses::default();
        loop {
            match self.commit(delivery.clone()).await {
                Ok(receipt) => return Ok(receipt),
                Err(WriteError::Stopping) => return Err(IngestError::Stopping),
                // The writer tells of an outage, once.
                Err(WriteError::DiskFull(_) | WriteError::Unavailable(_)) => pauses.wait().await,
            }
        }
    }

    /// Waits for room and for the commit.
    pub(super) async fn commit(&self, delivery: Delivery) -> Result<Receipt, WriteError> {
        let room = self.queue.reserve(delivery.byte_len()).await;
        self.queue.push(delivery, room)?.await.unwrap_or(Err(WriteError::Stopping))
    }
}

/// What is committed of a source that has nobody to go back to: all that is no row as letters. The receipt tells of
/// everything but the rows.
pub(super) fn deliver(
    source: &SourceName,
    entries: Vec<EntryText>,
    mut bound: Bound,
) -> (Delivery, Receipt) {
    let part = bound.parts.pop().unwrap_or_default();
    let refused = bound.refused.iter().filter_map(|refusal| {
        let entry = entries.get(refusal.index)?.clone();
        Some(DeadLetter { source: source.clone(), reason: refusal.error.clone(), entry })
    });
    let letters = part.letters.into_iter().chain(refused).collect();
    let originals = Some(Originals { source: source.clone(), entries });
    let delivery = Delivery { rows: part.rows, letters, originals, ..Delivery::default() };
    let receipt =
        Receipt { stored: 0, dropped: bound.dropped, refused: bound.refused, dead: part.dead };
    (delivery, receipt)
}

/// What became of entries before and at the writer.
pub(super) fn merged(mut before: Receipt, stored: Receipt) -> Receipt {
    let by_index = |refused: &mut Vec<Refusal>| refused.sort_by_key(|refusal| refusal.index);
    before.merge(stored);
    by_index(&mut before.refused);
    before
}

async fn judge_patiently(
    chain: &TransformChain,
    source: &SourceName,
    entries: &[EntryText],
) -> Judgement {
    let mut pauses = Pauses::default();
    loop {
        match chain.judge(source, entries).await {
            Ok(judgement) => return judgement,
            Err(unavailable) => {
                if pauses.is_new() {
                    warn!(%source, error = %unavailable, "waits until the transform takes entries");
                }
                pauses.wait().await;
            }
        }
    }
}

/// Pauses that double.
#[derive(Debug, Default)]
struct Pauses {
    next: Option<Duration>,
}

impl Pauses {
    fn is_new(&self) -> bool {
        self.next.is_none()
    }

    async fn wait(&mut self) {
        let pause = self.next.unwrap_or(FIRST_PAUSE);
        self.next = Some(pause.saturating_mul(2).min(LONGEST_PAUSE));
        sleep(pause).await;
    }
}

/// ISO 8601, UTC, milliseconds.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
