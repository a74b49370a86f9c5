//! The door for sources within the process: they wait for room and for the commit, and keep a position.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::bind::Stamp;
use super::bound::{Bound, Cut};
use super::chain::{Judgement, TransformChain};
use super::draft::Draft;
use super::haul::{Haul, Prepared};
use super::ingestor::{INLINE_BYTES, IngestError, Ingestor, off_thread};
use super::settle::{Terms, settle};
use crate::domain::{
    Checkpoint, CheckpointKey, DeadLetter, EntryText, Receipt, Refusal, SourceName,
};
use crate::store::{Delivery, Originals, StoreError, WriteError};

/// Between two tries while the storage fails or a transform takes nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Ingestor {
    /// Takes entries and with them the source's new positions, and waits until all of it is committed, in one
    /// transaction. It waits for room in the queue, and tries again while the storage fails or a transform takes
    /// nothing. With entries that go nowhere and no position there is nothing to commit.
    ///
    /// An entry that is no row becomes a dead letter. It is in the receipt's `refused`, or in `dead` when a transform
    /// failed on it. Misfits become dead letters, too; the receipt says nothing of them. An entry without a timestamp
    /// gets the time of this call.
    ///
    /// Dropping the future leaves nothing half done: all of it is committed or nothing is, and
    /// [`Ingestor::last_checkpoint`] tells which. Calls with a position of one source are to be made one after another.
    ///
    /// # Errors
    /// [`IngestError::Stopping`]
    pub async fn ingest(&self, source: &SourceName, haul: Haul) -> Result<Receipt, IngestError> {
        let prepared = self.prepare(source, haul).await?;
        self.store(prepared).await
    }

    /// The first half of [`Ingestor::ingest`]: entries are bound and have passed the transforms. A source that is in a
    /// hurry prepares what comes next while it stores what came before.
    ///
    /// # Errors
    /// [`IngestError::Stopping`]
    pub async fn prepare(&self, source: &SourceName, haul: Haul) -> Result<Prepared, IngestError> {
        let arrival = now();
        let Haul { entries, misfits, checkpoints } = haul;
        let (entries, draft) = self.bind_entries(source, entries, Some(arrival.clone())).await?;
        let judgement = judge_patiently(&self.chain, source, &draft.texts).await;
        let mut bound = self.settle_whole(source, draft, judgement, Some(arrival)).await?;
        self.count(&bound);
        self.metrics.entries_refused.inc_by(misfits.len() as u64);
        let ignored_fields = std::mem::take(&mut bound.ignored_fields);
        let (mut delivery, receipt) = deliver(source, entries, bound);
        delivery.letters.extend(misfits.into_iter().map(|misfit| misfit.into_letter(source)));
        delivery.checkpoints = checkpoints;
        Ok(Prepared { delivery, receipt, ignored_fields })
    }

    /// The second half of [`Ingestor::ingest`]. What one source has prepared is to be stored in the order of its
    /// positions, one after another.
    ///
    /// # Errors
    /// [`IngestError::Stopping`]
    pub async fn store(&self, prepared: Prepared) -> Result<Receipt, IngestError> {
        let Prepared { delivery, receipt, .. } = prepared;
        if delivery.rows.is_empty()
            && delivery.letters.is_empty()
            && delivery.checkpoints.is_empty()
        {
            return Ok(receipt);
        }
        Ok(merged(receipt, self.store_patiently(delivery).await?))
    }

    /// The positions that were committed last for the inputs of this source; as [`Ingestor::last_checkpoint`].
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn input_checkpoints(
        &self,
        source: &SourceName,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.store.input_checkpoints(source.clone()).await
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
        source: &SourceName,
        entries: Vec<EntryText>,
        arrival: Option<String>,
    ) -> Result<(Vec<EntryText>, Draft), IngestError> {
        let bytes: usize = entries.iter().map(EntryText::byte_len).sum();
        if bytes <= INLINE_BYTES {
            let stamp = Stamp { source: source.as_str(), arrival: arrival.as_deref() };
            let draft = self.binder.draft_entries(&entries, stamp);
            return Ok((entries, draft));
        }
        let (binder, source) = (Arc::clone(&self.binder), source.clone());
        off_thread(move || {
            let stamp = Stamp { source: source.as_str(), arrival: arrival.as_deref() };
            let draft = binder.draft_entries(&entries, stamp);
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
        let delivery = Arc::new(delivery);
        let mut pauses = Pauses::default();
        loop {
            match self.commit(Arc::clone(&delivery)).await {
                Ok(receipt) => return Ok(receipt),
                Err(WriteError::Stopping) => return Err(IngestError::Stopping),
                // The writer tells of an outage, once.
                Err(WriteError::DiskFull(_) | WriteError::Unavailable(_)) => pauses.wait().await,
            }
        }
    }

    /// Waits for room and for the commit.
    pub(super) async fn commit(&self, delivery: Arc<Delivery>) -> Result<Receipt, WriteError> {
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
