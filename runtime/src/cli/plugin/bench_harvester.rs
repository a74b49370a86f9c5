//! How many entries a harvester brings in per second, when nothing holds it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::bench::{thread_cpu, time_starts};
use super::bench_report::HarvesterMeasures;
use super::component::Prepared;
use crate::domain::{Checkpoint, EntryText, Receipt};
use crate::plugin::{CallError, Closed, Door, HarvesterInstance};

/// How long it harvests, unless there are enough entries before.
const TIME: Duration = Duration::from_secs(5);
/// How long it may take to end after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts what comes in.
#[derive(Debug)]
struct CountingDoor {
    most: u64,
    entries: AtomicU64,
    bytes: AtomicU64,
    calls: AtomicU64,
    stopping: CancellationToken,
}

/// Runs a harvester for a while.
///
/// # Errors
/// When it does not start, or fails.
pub(super) async fn measure(
    prepared: &Prepared,
    count: Option<u64>,
) -> Result<HarvesterMeasures, CallError> {
    let stopping = CancellationToken::new();
    let door = Arc::new(CountingDoor {
        most: count.unwrap_or(u64::MAX),
        entries: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        stopping: stopping.clone(),
    });
    let start = async || {
        let door = Arc::clone(&door) as Arc<dyn Door>;
        let (loaded, setup) = (&prepared.loaded, &prepared.setup);
        HarvesterInstance::start(loaded, setup, door, stopping.clone()).await
    };
    let (instance, start_time) = time_starts(start).await?;
    let memory_bytes = instance.memory_bytes() as u64;
    let (begun, cpu_begun) = (Instant::now(), thread_cpu());
    let run = instance.run();
    tokio::pin!(run);
    let ended = tokio::select! {
        ended = &mut run => Some(ended),
        () = tokio::time::sleep(TIME) => None,
        () = stopping.cancelled() => None,
    };
    // What comes while it ends is not counted.
    let (wall, cpu) = (begun.elapsed(), thread_cpu().saturating_sub(cpu_begun));
    let (entries, bytes) = (door.entries.load(Relaxed), door.bytes.load(Relaxed));
    let calls = door.calls.load(Relaxed);
    match ended {
        Some(ended) => ended?,
        None => {
            stopping.cancel();
            // One that does not end is dropped.
            if let Ok(ended) = tokio::time::timeout(PATIENCE, run).await {
                ended?;
            }
        }
    }
    Ok(HarvesterMeasures { start_time, memory_bytes, entries, bytes, calls, wall, cpu })
}

impl Door for CountingDoor {
    fn ingest(
        &self,
        entries: Vec<EntryText>,
        _: Option<Checkpoint>,
    ) -> BoxFuture<'_, Result<Receipt, Closed>> {
        async move {
            if self.stopping.is_cancelled() {
                return Err(Closed);
            }
            let bytes: usize = entries.iter().map(|entry| entry.as_str().len()).sum();
            self.bytes.fetch_add(bytes as u64, Relaxed);
            self.calls.fetch_add(1, Relaxed);
            let before = self.entries.fetch_add(entries.len() as u64, Relaxed);
            if before + entries.len() as u64 >= self.most {
                self.stopping.cancel();
            }
            // Others on this thread, the clock of the measurement among them, get their turn.
            tokio::task::yield_now().await;
            Ok(Receipt { stored: entries.len(), ..Receipt::default() })
        }
        .boxed()
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>> {
        std::future::ready(None).boxed()
    }
}
