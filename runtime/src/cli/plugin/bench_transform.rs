//! How many entries a transform judges per second.

use std::time::{Duration, Instant};

use super::bench::{thread_cpu, time_starts};
use super::bench_report::{Rate, TransformMeasures};
use super::component::Prepared;
use crate::plugin::{Budget, CallError, TransformInstance};

/// Entries per call: a lone request, a small batch, and what the service hands over at most.
const BATCHES: [usize; 3] = [1, 16, 256];
/// How long each of them is measured, unless so many entries are asked for.
const TIME: Duration = Duration::from_secs(1);
/// So many calls are made before the clock starts.
const WARM_UP: usize = 8;

/// Measures a transform with these entries, over and over.
///
/// # Errors
/// When it does not start, or fails on an entry.
pub(super) async fn measure(
    prepared: &Prepared,
    entries: &[String],
    count: Option<u64>,
) -> Result<TransformMeasures, CallError> {
    let start = async || TransformInstance::start(&prepared.loaded, &prepared.setup).await;
    let (mut instance, start_time) = time_starts(start).await?;
    let limits = &prepared.setup.limits;
    let budget = Budget { cpu: limits.cpu_per_call, time: limits.time_per_call };
    let mut rates = Vec::new();
    for batch in BATCHES {
        let texts: Vec<_> = entries.iter().cycle().take(whole_calls(entries, batch)).collect();
        let texts: Vec<&str> = texts.into_iter().map(String::as_str).collect();
        for call in texts.chunks_exact(batch).take(WARM_UP) {
            instance.apply("http", call, budget).await?;
        }
        rates.push(rate(&mut instance, &texts, (batch, count), budget).await?);
    }
    let bytes: usize = entries.iter().map(String::len).sum();
    Ok(TransformMeasures {
        start_time,
        mean_entry_bytes: bytes / entries.len().max(1),
        memory_bytes: instance.memory_bytes() as u64,
        rates,
    })
}

/// So many entries that calls of `batch` divide them without rest.
fn whole_calls(entries: &[String], batch: usize) -> usize {
    entries.len().next_multiple_of(batch)
}

async fn rate(
    instance: &mut TransformInstance,
    texts: &[&str],
    (batch, count): (usize, Option<u64>),
    budget: Budget,
) -> Result<Rate, CallError> {
    let (begun, cpu_begun) = (Instant::now(), thread_cpu());
    let mut done: u64 = 0;
    for call in texts.chunks_exact(batch).cycle() {
        instance.apply("http", call, budget).await?;
        done += call.len() as u64;
        if count.map_or_else(|| begun.elapsed() >= TIME, |count| done >= count) {
            break;
        }
    }
    let (wall, cpu) = (begun.elapsed(), thread_cpu().saturating_sub(cpu_begun));
    Ok(Rate { batch, entries: done, wall, cpu })
}
