//! The only door into the pipeline, as it is for a source that is not kept waiting.

use std::collections::HashMap;
use std::sync::Arc;

use super::bind::Binder;
use super::bound::Bound;
use super::chain::{Judgement, TransformChain};
use super::draft::Draft;
use super::pending::{Pending, Share};
use super::replay::Interpreter;
use super::settle::{Terms, settle};
use super::transform::Unavailable;
use crate::domain::{Receipt, SourceName};
use crate::metrics::Metrics;
use crate::store::{Delivery, Store, WriteError, WriteQueue};

/// Entries up to this many bytes are bound in place: about 200 µs.
pub(super) const INLINE_BYTES: usize = 128 << 10;

/// Takes entries and answers what became of them.
#[derive(Debug)]
pub struct Ingestor {
    pub(super) binder: Arc<Binder>,
    pub(super) chain: TransformChain,
    pub(super) queue: Arc<WriteQueue>,
    /// Where positions are read.
    pub(super) store: Arc<Store>,
    pub(super) metrics: Metrics,
    /// By the sources whose dead letters they read when these are replayed.
    pub(super) interpreters: HashMap<SourceName, Arc<dyn Interpreter>>,
}

/// Why entries were not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The queue is full. Nothing was taken; try again soon.
    #[error("the ingest queue is full; retry in a second, or raise `ingest_queue_size`")]
    QueueFull,
    /// A transform can't take entries at the moment. Nothing was taken; try again soon.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The writer could not store all of it. What was stored before is in the receipt, the rest in its refusals.
    #[error("{cause}")]
    NotStored {
        /// Why.
        cause: WriteError,
        /// What became of each entry.
        receipt: Receipt,
    },
    /// The service is stopping. Nothing was taken.
    #[error("the service is stopping")]
    Stopping,
}

impl Ingestor {
    /// A door to this store.
    #[must_use]
    pub fn new(binder: Binder, chain: TransformChain, store: Arc<Store>, metrics: Metrics) -> Self {
        let queue = Arc::clone(store.queue());
        let interpreters = HashMap::new();
        Self { binder: Arc::new(binder), chain, queue, store, metrics, interpreters }
    }

    /// With those who read the dead letters of these sources when they are replayed.
    #[must_use]
    pub fn with_interpreters(
        self,
        interpreters: impl IntoIterator<Item = (SourceName, Arc<dyn Interpreter>)>,
    ) -> Self {
        Self { interpreters: interpreters.into_iter().collect(), ..self }
    }

    /// Reads entries from bytes: [`Binder::draft`] for a source that has transforms, else [`Binder::read`].
    #[must_use]
    pub fn binder(&self) -> &Binder {
        &self.binder
    }

    /// Whether entries of this source go through transforms.
    #[must_use]
    pub fn has_transforms(&self, source: &SourceName) -> bool {
        !self.chain.is_empty_for(source)
    }

    /// Takes entries through the transforms of their source. Dropping the future leaves nothing behind.
    ///
    /// # Errors
    /// [`IngestError::Unavailable`], [`IngestError::Stopping`]
    pub async fn transform(&self, source: &SourceName, draft: Draft) -> Result<Bound, IngestError> {
        let judgement = self.chain.judge(source, &draft.texts).await?;
        match judgement {
            Judgement::AllKept => Ok(draft.bound),
            Judgement::Each { fates, last } if draft.byte_len() <= INLINE_BYTES => {
                Ok(settle(&self.binder, &draft, &fates, Terms::of_body(source, &last)))
            }
            Judgement::Each { fates, last } => {
                let (binder, source) = (Arc::clone(&self.binder), source.clone());
                off_thread(move || settle(&binder, &draft, &fates, Terms::of_body(&source, &last)))
                    .await
            }
        }
    }

    /// Takes all entries or none, without waiting.
    ///
    /// # Errors
    /// [`IngestError::QueueFull`]
    pub fn try_ingest(&self, bound: Bound) -> Result<Pending, IngestError> {
        let bytes = bound.parts.iter().map(|part| part.byte_len()).sum();
        let Some(mut room) = self.queue.try_reserve(bytes) else {
            let entries: usize = bound.parts.iter().map(|part| part.len()).sum();
            self.metrics.entries_failed.inc_by(entries as u64);
            return Err(IngestError::QueueFull);
        };
        self.count(&bound);
        let parts = bound.parts.into_iter();
        let shares = parts.map(|mut part| {
            let room = room.split(part.byte_len());
            let members = part.take_members();
            let delivery =
                Delivery { rows: part.rows, letters: part.letters, ..Delivery::default() };
            Share { receipt: self.queue.push(delivery, room), dead: part.dead, members }
        });
        Ok(Pending::new(shares.collect(), bound.refused, bound.dropped))
    }

    /// Counts what the writer does not see.
    pub(super) fn count(&self, bound: &Bound) {
        self.metrics.entries_refused.inc_by(bound.refused.len() as u64);
        self.metrics.entries_dropped.inc_by(bound.dropped as u64);
        let dead: usize = bound.parts.iter().map(|part| part.dead.len()).sum();
        self.metrics.entries_dead.inc_by(dead as u64);
    }
}

/// Runs what may take long on a thread for that.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends.
        Err(_) => Err(IngestError::Stopping),
    }
}
