//! A component that brings entries in: each run is a new instance, with the pipeline as its way out.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{CallError, Closed, Door, HarvesterInstance, Loaded, PluginSetup};
use crate::domain::{Checkpoint, EntryText, Receipt, SourceName};
use crate::harvest::{Failure, Harvester};
use crate::metrics::{EntryFate, PluginMetrics};
use crate::pipeline::Ingestor;

/// Between two tries to read a checkpoint.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// Runs the newest version of a component.
pub(super) struct WasmHarvester {
    setup: Arc<PluginSetup>,
    loaded: watch::Receiver<Arc<Loaded>>,
    door: Arc<PipelineDoor>,
}

/// A harvester's way into the pipeline.
struct PipelineDoor {
    source: SourceName,
    ingestor: Arc<Ingestor>,
    metrics: PluginMetrics,
}

impl WasmHarvester {
    pub(super) fn new(
        setup: Arc<PluginSetup>,
        loaded: watch::Receiver<Arc<Loaded>>,
        ingestor: Arc<Ingestor>,
        metrics: PluginMetrics,
    ) -> Self {
        let source = SourceName::from(&*setup.name);
        Self { setup, loaded, door: Arc::new(PipelineDoor { source, ingestor, metrics }) }
    }
}

impl Harvester for WasmHarvester {
    fn name(&self) -> &str {
        &self.setup.name
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let loaded = Arc::clone(&self.loaded.borrow());
            let door = Arc::clone(&self.door) as Arc<dyn Door>;
            let instance = HarvesterInstance::start(&loaded, &self.setup, door, stopping).await?;
            Ok(instance.run().await?)
        }
        .boxed()
    }
}

impl Door for PipelineDoor {
    fn ingest(
        &self,
        entries: Vec<EntryText>,
        checkpoint: Option<Checkpoint>,
    ) -> BoxFuture<'_, Result<Receipt, Closed>> {
        async move {
            let (begun, count) = (Instant::now(), entries.len());
            let outcome = self.ingestor.ingest(&self.source, entries, checkpoint).await;
            self.metrics.called(begun.elapsed());
            let receipt = outcome.map_err(|_| Closed)?;
            self.metrics.count(EntryFate::In, count);
            self.metrics.count(EntryFate::Stored, receipt.stored);
            self.metrics.count(EntryFate::Dropped, receipt.dropped);
            self.metrics.count(EntryFate::Refused, receipt.refused.len());
            self.metrics.count(EntryFate::Dead, receipt.dead.len());
            Ok(receipt)
        }
        .boxed()
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>> {
        async move {
            let mut is_told = false;
            loop {
                match self.ingestor.last_checkpoint(&self.source).await {
                    Ok(checkpoint) => return checkpoint,
                    // Going on without it would bring entries in twice. It is cut off when the service stops.
                    Err(error) if !is_told => {
                        error!(harvester = %self.source, %error, "its checkpoint can't be read; it waits");
                        is_told = true;
                    }
                    Err(_) => {}
                }
                sleep(CHECKPOINT_PAUSE).await;
            }
        }
        .boxed()
    }
}

impl fmt::Debug for PipelineDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineDoor").field("source", &self.source).finish_non_exhaustive()
    }
}

impl fmt::Debug for WasmHarvester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmHarvester").field("name", &self.setup.name).finish_non_exhaustive()
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::BadConfig(_) => Self::Hopeless(error.to_string()),
            other => Self::Passing(other.to_string()),
        }
    }
}
