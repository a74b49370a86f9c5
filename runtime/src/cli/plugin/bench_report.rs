//! What was measured, for people and for programs.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::plugin::Facts;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    file: String,
    bytes: u64,
    #[serde(flatten)]
    loading: Loading,
    #[serde(flatten)]
    measured: Measured,
}

/// How long it takes to get from the file to something that can be instantiated.
#[derive(Debug, Serialize)]
pub(super) struct Loading {
    #[serde(rename = "load_cold_ms", serialize_with = "as_ms")]
    pub(super) cold: Duration,
    #[serde(rename = "load_cached_ms", serialize_with = "as_ms")]
    pub(super) cached: Duration,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Measured {
    Transform(TransformMeasures),
    Harvester(HarvesterMeasures),
}

#[derive(Debug, Serialize)]
pub(super) struct TransformMeasures {
    #[serde(rename = "start_ms", serialize_with = "as_ms")]
    pub(super) start_time: Duration,
    pub(super) mean_entry_bytes: usize,
    pub(super) memory_bytes: u64,
    pub(super) rates: Vec<Rate>,
}

/// Entries at one size of call.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) batch: usize,
    pub(super) entries: u64,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
}

#[derive(Debug, Serialize)]
pub(super) struct HarvesterMeasures {
    #[serde(rename = "start_ms", serialize_with = "as_ms")]
    pub(super) start_time: Duration,
    pub(super) memory_bytes: u64,
    pub(super) entries: u64,
    #[serde(rename = "entry_bytes")]
    pub(super) bytes: u64,
    pub(super) calls: u64,
    #[serde(rename = "wall_ms", serialize_with = "as_ms")]
    pub(super) wall: Duration,
    #[serde(rename = "cpu_ms", serialize_with = "as_ms")]
    pub(super) cpu: Duration,
}

#[derive(Serialize)]
struct RateFigures {
    batch: usize,
    entries: u64,
    entries_per_second: u64,
    ns_per_entry: u64,
    cpu_ns_per_entry: u64,
    cpu_ms: f64,
}

impl Report {
    pub(super) fn new(file: &Path, facts: &Facts, loading: Loading, measured: Measured) -> Self {
        Self { file: file.display().to_string(), bytes: facts.bytes, loading, measured }
    }
}

impl Rate {
    fn figures(&self) -> RateFigures {
        RateFigures {
            batch: self.batch,
            entries: self.entries,
            entries_per_second: per_second(self.entries, self.wall),
            ns_per_entry: per_entry(self.entries, self.wall),
            cpu_ns_per_entry: per_entry(self.entries, self.cpu),
            cpu_ms: milliseconds(self.cpu),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.figures().serialize(serializer)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, loading: Loading { cold, cached }, .. } = self;
        writeln!(f, "{file}: {}", megabytes(self.bytes))?;
        let (cold, cached) = (milliseconds(*cold), milliseconds(*cached));
        writeln!(f, "load         {cold} ms, from the cache {cached} ms")?;
        match &self.measured {
            Measured::Transform(transform) => transform.fmt(f),
            Measured::Harvester(harvester) => harvester.fmt(f),
        }
    }
}

impl fmt::Display for TransformMeasures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "start        {} ms, with `configure`", milliseconds(self.start_time))?;
        writeln!(f, "memory       {} per instance", megabytes(self.memory_bytes))?;
        let bytes = self.mean_entry_bytes;
        writeln!(f, "on one core, with entries of {bytes} bytes:")?;
        writeln!(
            f,
            "{:>6} {:>12} {:>10} {:>14}",
            "batch", "entries/s", "ns/entry", "CPU ns/entry"
        )?;
        for rate in &self.rates {
            let RateFigures { batch, entries_per_second, ns_per_entry, cpu_ns_per_entry, .. } =
                rate.figures();
            writeln!(
                f,
                "{batch:>6} {entries_per_second:>12} {ns_per_entry:>10} {cpu_ns_per_entry:>14}"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for HarvesterMeasures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start_time, memory_bytes, entries, bytes, calls, wall, cpu } = self;
        writeln!(f, "start        {} ms", milliseconds(*start_time))?;
        writeln!(f, "memory       {} once started", megabytes(*memory_bytes))?;
        writeln!(
            f,
            "ingested     {entries} entries of {} bytes in {calls} calls and {:.2} s: {} entries/s, {} ns of CPU each",
            bytes.checked_div(*entries).unwrap_or(0),
            wall.as_secs_f64(),
            per_second(*entries, *wall),
            per_entry(*entries, *cpu),
        )
    }
}

fn per_second(entries: u64, time: Duration) -> u64 {
    (entries as f64 / time.as_secs_f64().max(f64::EPSILON)).round() as u64
}

fn per_entry(entries: u64, time: Duration) -> u64 {
    let nanoseconds = time.as_nanos().checked_div(u128::from(entries)).unwrap_or(0);
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2}MB", bytes as f64 / f64::from(1 << 20))
}

/// To a hundredth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

fn as_ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_and_per_entry() {
        let (wall, cpu) = (Duration::from_millis(500), Duration::from_millis(250));
        let figures = Rate { batch: 16, entries: 1_000, wall, cpu }.figures();
        assert_eq!(figures.entries_per_second, 2_000);
        assert_eq!((figures.ns_per_entry, figures.cpu_ns_per_entry), (500_000, 250_000));
    }

    #[test]
    fn a_harvester_that_brings_nothing_has_a_rate_of_nothing() {
        let time = Duration::from_secs(5);
        let measures = HarvesterMeasures {
            start_time: Duration::from_millis(1),
            memory_bytes: 1 << 20,
            entries: 0,
            bytes: 0,
            calls: 0,
            wall: time,
            cpu: time,
        };
        assert!(measures.to_string().contains(": 0 entries/s, 0 ns of CPU each"), "{measures}");
    }
}
