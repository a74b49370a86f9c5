//! A component that brings entries in: each run is a new instance, with the pipeline as its way out. An instance whose
//! memory has grown past its mark is asked to end and followed by another one within the same run.

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
use crate::domain::{ByteSize, Checkpoint, EntryText, Receipt, SourceName};
use crate::harvest::{Failure, Harvester};
use crate::metrics::{EntryFate, PluginMetrics};
use crate::pipeline::Ingestor;

/// Between two tries to read a checkpoint.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// Runs the newest version of a component.
pub(super) struct WasmHarvester {
    setup: Arc<PluginSetup>,
    loaded: watch::Receiver<Arc<Loaded>>,
    way_in: WayIn,
}

/// What leads into the pipeline.
#[derive(Clone)]
struct WayIn {
    source: SourceName,
    ingestor: Arc<Ingestor>,
    metrics: PluginMetrics,
}

/// An instance's way into the pipeline.
struct PipelineDoor {
    way_in: WayIn,
    recycle_memory: ByteSize,
    /// Asks the instance to end.
    end: CancellationToken,
}

impl WasmHarvester {
    pub(super) fn new(
        setup: Arc<PluginSetup>,
        loaded: watch::Receiver<Arc<Loaded>>,
        ingestor: Arc<Ingestor>,
    ) -> Self {
        let (source, metrics) = (SourceName::from(&*setup.name), setup.metrics.clone());
        Self { setup, loaded, way_in: WayIn { source, ingestor, metrics } }
    }

    /// Runs one instance; says whether another one should follow, as the memory of this one had grown too large.
    async fn run_instance(&self, stopping: &CancellationToken) -> Result<bool, CallError> {
        let loaded = Arc::clone(&self.loaded.borrow());
        let end = stopping.child_token();
        let door = Arc::new(PipelineDoor {
            way_in: self.way_in.clone(),
            recycle_memory: self.setup.limits.recycle_memory,
            end: end.clone(),
        });
        let instance = HarvesterInstance::start(&loaded, &self.setup, door, end.clone()).await?;
        instance.run().await?;
        Ok(end.is_cancelled() && !stopping.is_cancelled())
    }
}

impl Harvester for WasmHarvester {
    fn name(&self) -> &str {
        &self.setup.name
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            while self.run_instance(&stopping).await? {
                self.way_in.metrics.restarts.inc();
            }
            Ok(())
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
            let WayIn { source, ingestor, metrics } = &self.way_in;
            let outcome = ingestor.ingest(source, entries, checkpoint).await;
            metrics.called(begun.elapsed());
            // Linear memory never shrinks: a new instance begins small again.
            if metrics.memory_bytes() > self.recycle_memory.0 {
                self.end.cancel();
            }
            let receipt = outcome.map_err(|_| Closed)?;
            metrics.count(EntryFate::In, count);
            metrics.count(EntryFate::Stored, receipt.stored);
            metrics.count(EntryFate::Dropped, receipt.dropped);
            metrics.count(EntryFate::Refused, receipt.refused.len());
            metrics.count(EntryFate::Dead, receipt.dead.len());
            Ok(receipt)
        }
        .boxed()
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>> {
        async move {
            let mut is_told = false;
            loop {
                match self.way_in.ingestor.last_checkpoint(&self.way_in.source).await {
                    Ok(checkpoint) => return checkpoint,
                    // Going on without it would bring entries in twice. It is cut off when the service stops.
                    Err(error) if !is_told => {
                        error!(harvester = %self.way_in.source, %error, "its checkpoint can't be read; it waits");
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
        f.debug_struct("PipelineDoor").field("source", &self.way_in.source).finish_non_exhaustive()
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
