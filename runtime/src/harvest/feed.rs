//! A harvester's way into the pipeline: it waits, counts, and tells once what is dropped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::Failure;
use crate::domain::{Checkpoint, CheckpointKey, Receipt, SourceName};
use crate::metrics::HarvesterMetrics;
use crate::pipeline::{Haul, Ingestor, Prepared};
use crate::store::StoreError;

/// Between two tries to read a checkpoint.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);
/// Keys of entries that are named in the log when they are dropped; an entry may have any number of them.
const MOST_NAMED: usize = 100;

/// What leads into the pipeline. Clones lead to the same place.
#[derive(Debug, Clone)]
pub struct Feed {
    source: SourceName,
    ingestor: Arc<Ingestor>,
    metrics: HarvesterMetrics,
    named: Arc<Mutex<BTreeSet<String>>>,
    /// Cancelled once the harvester would notice what comes.
    ready: CancellationToken,
}

/// The service is stopping: what was handed over is not stored, and is to be brought again at the next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is stopping")]
pub struct Stopped;

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        Self::Passing(stopped.to_string())
    }
}

impl Feed {
    /// The way of this harvester.
    #[must_use]
    pub fn new(ingestor: Arc<Ingestor>, metrics: HarvesterMetrics) -> Self {
        let source = metrics.name().into();
        let (named, ready) = (Arc::default(), CancellationToken::new());
        Self { source, ingestor, metrics, named, ready }
    }

    /// The harvester's name, of which its entries and checkpoints are.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// The harvester's counters.
    #[must_use]
    pub fn metrics(&self) -> &HarvesterMetrics {
        &self.metrics
    }

    /// Notes that nothing that comes from now on is missed: the harvester listens, or has seen which files there are. Or
    /// that it has failed, and is not to be waited for.
    pub fn mark_ready(&self) {
        self.ready.cancel();
    }

    /// Waits for [`Feed::mark_ready`].
    pub async fn until_ready(&self) {
        self.ready.cancelled().await;
    }

    /// Hands entries over and waits until they are committed with their positions; tries again while the storage
    /// fails. Dropping the future leaves all of it committed or nothing.
    ///
    /// # Errors
    /// [`Stopped`]
    pub async fn deliver(&self, haul: Haul) -> Result<Receipt, Stopped> {
        let prepared = self.prepare(haul).await?;
        self.store(prepared).await
    }

    /// The first half of [`Feed::deliver`]: parses entries and takes them through the transforms. The next haul may be
    /// prepared while this one is stored.
    ///
    /// # Errors
    /// [`Stopped`]
    pub async fn prepare(&self, haul: Haul) -> Result<Prepared, Stopped> {
        self.metrics.bad_lines.inc_by(haul.misfits.len() as u64);
        let prepared = self.ingestor.prepare(&self.source, haul).await.map_err(|_| Stopped)?;
        self.tell(&prepared.ignored_fields);
        Ok(prepared)
    }

    /// The second half of [`Feed::deliver`]. One after another, in the order of the positions.
    ///
    /// # Errors
    /// [`Stopped`]
    pub async fn store(&self, prepared: Prepared) -> Result<Receipt, Stopped> {
        let receipt = self.ingestor.store(prepared).await.map_err(|_| Stopped)?;
        self.metrics.stored(&receipt);
        Ok(receipt)
    }

    /// The harvester's own position; waits until it can be read, as going on without it would bring entries in twice.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        self.patiently(|| self.ingestor.last_checkpoint(&self.source)).await
    }

    /// The positions of the harvester's inputs, by key; waits as [`Feed::checkpoint`].
    pub async fn input_checkpoints(&self) -> Vec<(CheckpointKey, Checkpoint)> {
        self.patiently(|| self.ingestor.input_checkpoints(&self.source)).await
    }

    /// The harvester is cut off when the service stops.
    async fn patiently<T, F>(&self, read: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut is_told = false;
        loop {
            match read().await {
                Ok(found) => return found,
                Err(cause) if !is_told => {
                    error!(harvester = %self.source, error = %cause, "its checkpoint can't be read; it waits");
                    is_told = true;
                }
                Err(_) => {}
            }
            sleep(CHECKPOINT_PAUSE).await;
        }
    }

    fn tell(&self, ignored: &BTreeSet<String>) {
        if ignored.is_empty() {
            return;
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = ignored.iter().filter(|key| !named.contains(*key)).cloned().collect();
        if new.is_empty() || named.len() >= MOST_NAMED {
            return;
        }
        let keys = new.join(", ");
        warn!(
            harvester = %self.source,
            keys,
            "dropped, as the table has no such columns; add them by a migration, map them by `columns`, or set \
             `unknown_fields_column`"
        );
        named.extend(new);
    }
}
