//! What is counted per harvester, native or plugin, and how far it is behind.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::runs::{RunState, Runs};
use crate::domain::Receipt;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    harvester: String,
    r#type: &'static str,
}

/// All harvesters' counters.
#[derive(Clone, Default)]
pub(super) struct HarvesterFamilies {
    entries: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    bad_lines: Family<Labels, Counter>,
    lost: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
    restarts: Family<Labels, Counter>,
    lag_bytes: Family<Labels, Gauge>,
    lag_seconds: Family<Labels, Gauge>,
    inputs: Family<Labels, Gauge>,
    harvesters: Arc<Mutex<Vec<HarvesterMetrics>>>,
}

/// One harvester's counters and state. Clones count into the same ones.
#[derive(Debug, Clone)]
pub struct HarvesterMetrics {
    name: Arc<str>,
    kind: &'static str,
    /// Its state, failures and new starts.
    pub runs: Runs,
    /// Entries stored.
    pub entries: Counter,
    /// Bytes received or read, of which entries were made.
    pub bytes: Counter,
    /// Lines or messages that became dead letters instead of rows.
    pub bad_lines: Counter,
    /// Messages that are known to be lost before they were read.
    pub lost: Counter,
    /// Files watched, connections open, containers followed.
    pub inputs: Gauge,
    lag_bytes: Gauge,
    lag_seconds: Gauge,
    /// Since when it has been behind; none while it is not.
    behind_since: Arc<Mutex<Option<Instant>>>,
}

/// A harvester's state and counts at one moment.
#[derive(Debug, Clone, serde::Serialize)]
pub struct HarvesterStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its `type` in the configuration.
    pub r#type: &'static str,
    /// What it is doing.
    pub state: RunState,
    /// For how long it has been in this state, in seconds.
    pub state_seconds: u64,
    /// Why it failed last; none if it never has.
    pub last_error: Option<String>,
    /// Entries stored.
    pub entries: u64,
    /// Bytes received or read.
    pub bytes: u64,
    /// Lines or messages that became dead letters.
    pub bad_lines: u64,
    /// Messages that are known to be lost before they were read.
    pub lost: u64,
    /// Bytes that are there and not yet stored, where that can be known.
    pub lag_bytes: u64,
    /// For how long it has been behind, in seconds.
    pub lag_seconds: u64,
    /// Files watched, connections open, containers followed.
    pub inputs: u64,
    /// Runs that failed.
    pub failures: u64,
    /// New starts after a failure or an end.
    pub restarts: u64,
}

impl HarvesterFamilies {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut counters = |name: &str, help: &str, family: &Family<Labels, Counter>| {
            registry.register(name, help, family.clone());
        };
        counters("harvester_entries", "Entries of harvesters stored", &self.entries);
        counters("harvester_bad_lines", "Lines that became dead letters", &self.bad_lines);
        counters("harvester_lost", "Messages lost before they were read", &self.lost);
        counters("harvester_failures", "Runs of harvesters that failed", &self.failures);
        counters("harvester_restarts", "New starts after a failure or an end", &self.restarts);
        registry.register(
            "harvester_inputs",
            "Files watched, connections open, containers followed",
            self.inputs.clone(),
        );
        let (bytes, lag) = (self.bytes.clone(), self.lag_bytes.clone());
        registry.register_with_unit("harvester_read", "Bytes received", Unit::Bytes, bytes);
        registry.register_with_unit("harvester_lag", "Bytes not yet stored", Unit::Bytes, lag);
        let lag = self.lag_seconds.clone();
        registry.register_with_unit("harvester_lag", "Time it is behind", Unit::Seconds, lag);
    }

    /// The counters of a harvester. A plugin's runs are counted as a plugin's, too.
    pub(super) fn harvester(
        &self,
        name: &str,
        kind: &'static str,
        runs: Option<&Runs>,
    ) -> HarvesterMetrics {
        let labels = Labels { harvester: name.to_owned(), r#type: kind };
        let of = |family: &Family<Labels, Counter>| family.get_or_create(&labels).clone();
        let own = || Runs::new(of(&self.failures), of(&self.restarts), Counter::default());
        let gauge = |family: &Family<Labels, Gauge>| family.get_or_create(&labels).clone();
        let harvester = HarvesterMetrics {
            name: name.into(),
            kind,
            runs: runs.cloned().unwrap_or_else(own),
            entries: of(&self.entries),
            bytes: of(&self.bytes),
            bad_lines: of(&self.bad_lines),
            lost: of(&self.lost),
            inputs: gauge(&self.inputs),
            lag_bytes: gauge(&self.lag_bytes),
            lag_seconds: gauge(&self.lag_seconds),
            behind_since: Arc::default(),
        };
        let mut all = self.harvesters.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(harvester.clone());
        harvester
    }

    pub(super) fn statuses(&self) -> Vec<HarvesterStatus> {
        let all = self.harvesters.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(HarvesterMetrics::status).collect()
    }

    /// Entries that all of them have brought.
    pub(super) fn entries(&self) -> u64 {
        let all = self.harvesters.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|harvester| harvester.entries.get()).sum()
    }

    /// Brings the gauges of time up to date.
    pub(super) fn refresh(&self) {
        let all = self.harvesters.lock().unwrap_or_else(PoisonError::into_inner);
        for harvester in all.iter() {
            let seconds = harvester.behind().as_secs();
            harvester.lag_seconds.set(i64::try_from(seconds).unwrap_or(i64::MAX));
        }
    }
}

impl HarvesterMetrics {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts what became of what was stored.
    pub fn stored(&self, receipt: &Receipt) {
        self.entries.inc_by(receipt.stored as u64);
        self.bad_lines.inc_by((receipt.refused.len() + receipt.dead.len()) as u64);
    }

    /// Notes how many bytes are there and not yet stored. From the first number above 0 on it is behind.
    pub fn set_lag(&self, bytes: u64) {
        self.lag_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        let mut since = self.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if bytes == 0 { None } else { since.or_else(|| Some(Instant::now())) };
    }

    fn behind(&self) -> Duration {
        let since = *self.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn status(&self) -> HarvesterStatus {
        let now = self.runs.now();
        let positive = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        HarvesterStatus {
            name: self.name.to_string(),
            r#type: self.kind,
            state: now.state,
            state_seconds: now.seconds(),
            last_error: now.last_error,
            entries: self.entries.get(),
            bytes: self.bytes.get(),
            bad_lines: self.bad_lines.get(),
            lost: self.lost.get(),
            lag_bytes: positive(&self.lag_bytes),
            lag_seconds: self.behind().as_secs(),
            inputs: positive(&self.inputs),
            failures: self.runs.failures.get(),
            restarts: self.runs.restarts.get(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;
    use crate::metrics::Metrics;

    fn only(metrics: &Metrics) -> HarvesterStatus {
        let mut all = metrics.harvesters();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn what_was_stored_and_what_was_none_is_counted() {
        let metrics = Metrics::default();
        let harvester = metrics.harvester("app", "file", None);
        let refusal = |index| Refusal { index, error: "no".into() };
        let receipt = Receipt {
            stored: 5,
            dropped: 1,
            refused: vec![refusal(1), refusal(2)],
            dead: vec![refusal(3)],
        };

        harvester.stored(&receipt);
        harvester.bytes.inc_by(100);
        harvester.inputs.set(2);
        harvester.lost.inc();
        harvester.runs.enter(RunState::Running);
        harvester.runs.failed("gone");

        let status = only(&metrics);
        assert_eq!((status.name.as_str(), status.r#type), ("app", "file"));
        assert_eq!((status.entries, status.bad_lines), (5, 3));
        assert_eq!((status.bytes, status.inputs, status.lost), (100, 2, 1));
        assert_eq!((status.state, status.failures), (RunState::Running, 1));
        assert_eq!(status.last_error.as_deref(), Some("gone"));
        let text = metrics.render();
        for sample in [
            "loglite_harvester_entries_total{harvester=\"app\",type=\"file\"} 5",
            "loglite_harvester_bad_lines_total{harvester=\"app\",type=\"file\"} 3",
            "loglite_harvester_read_bytes_total{harvester=\"app\",type=\"file\"} 100",
            "loglite_harvester_failures_total{harvester=\"app\",type=\"file\"} 1",
        ] {
            assert!(text.contains(sample), "{sample} is not in\n{text}");
        }
    }

    #[test]
    fn it_is_behind_from_the_first_bytes_on_until_none_are_left() {
        let metrics = Metrics::default();
        let harvester = metrics.harvester("app", "file", None);
        let behind = |harvester: &HarvesterMetrics| *harvester.behind_since.lock().expect("fine");
        assert_eq!((only(&metrics).lag_bytes, behind(&harvester)), (0, None));

        harvester.set_lag(10);
        let since = behind(&harvester);
        harvester.set_lag(5);
        assert_eq!((only(&metrics).lag_bytes, behind(&harvester)), (5, since));
        assert!(since.is_some());

        harvester.set_lag(0);
        assert_eq!((only(&metrics).lag_bytes, behind(&harvester)), (0, None));
        assert_eq!(only(&metrics).lag_seconds, 0);
    }
}
