//! A component that brings entries in: each run is a new instance, with the pipeline as its way out. An instance whose
//! memory has grown past its mark is asked to end and followed by another one within the same run.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{CallError, Closed, Door, HarvesterInstance, Loaded, PluginSetup};
use crate::domain::{ByteSize, Checkpoint, EntryText, Receipt};
use crate::harvest::{Failure, Feed, Harvester};
use crate::metrics::{EntryFate, PluginMetrics};
use crate::pipeline::Haul;

/// Runs the newest version of a component.
pub(super) struct WasmHarvester {
    setup: Arc<PluginSetup>,
    loaded: watch::Receiver<Arc<Loaded>>,
    feed: Feed,
}

/// An instance's way into the pipeline.
struct PipelineDoor {
    feed: Feed,
    metrics: PluginMetrics,
    recycle_memory: ByteSize,
    /// Asks the instance to end.
    end: CancellationToken,
}

impl WasmHarvester {
    pub(super) fn new(
        setup: Arc<PluginSetup>,
        loaded: watch::Receiver<Arc<Loaded>>,
        feed: Feed,
    ) -> Self {
        Self { setup, loaded, feed }
    }

    /// Runs one instance; says whether another one should follow, as the memory of this one had grown too large.
    async fn run_instance(&self, stopping: &CancellationToken) -> Result<bool, CallError> {
        let loaded = Arc::clone(&self.loaded.borrow());
        let end = stopping.child_token();
        let door = Arc::new(PipelineDoor {
            feed: self.feed.clone(),
            metrics: self.setup.metrics.clone(),
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
                self.setup.metrics.runs.restarts.inc();
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
            let (feed, metrics) = (&self.feed, &self.metrics);
            let bytes: usize = entries.iter().map(EntryText::byte_len).sum();
            let haul = Haul::with_position(entries, feed.source(), checkpoint);
            let outcome = feed.deliver(haul).await;
            feed.metrics().bytes.inc_by(bytes as u64);
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
        async move { self.feed.checkpoint().await }.boxed()
    }
}

impl fmt::Debug for PipelineDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineDoor").field("source", &self.feed.source()).finish_non_exhaustive()
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
