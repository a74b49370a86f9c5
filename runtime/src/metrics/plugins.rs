//! What is counted per plugin, and the state it is in.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::runs::{RunState, Runs};
use crate::domain::PluginKind;

/// What became of entries that a plugin was given or has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryFate {
    /// Given to a transform, or brought by a harvester.
    In,
    /// Kept as they were by a transform.
    Kept,
    /// Not stored, by a transform's verdict or by `on_failure`.
    Dropped,
    /// Gone on in another form.
    Replaced,
    /// Gone on as several.
    Split,
    /// Refused, with a reason.
    Refused,
    /// Failed on, and kept as dead letters.
    Dead,
    /// Failed on, and gone on as they were.
    Passed,
    /// Stored for a harvester.
    Stored,
}

const FATES: [(EntryFate, &str); 9] = [
    (EntryFate::In, "in"),
    (EntryFate::Kept, "kept"),
    (EntryFate::Dropped, "dropped"),
    (EntryFate::Replaced, "replaced"),
    (EntryFate::Split, "split"),
    (EntryFate::Refused, "refused"),
    (EntryFate::Dead, "dead"),
    (EntryFate::Passed, "passed"),
    (EntryFate::Stored, "stored"),
];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
    kind: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FateLabels {
    plugin: String,
    kind: &'static str,
    fate: &'static str,
}

/// All plugins' counters.
#[derive(Clone, Default)]
pub(super) struct PluginFamilies {
    entries: Family<FateLabels, Counter>,
    calls: Family<PluginLabels, Counter>,
    failures: Family<PluginLabels, Counter>,
    restarts: Family<PluginLabels, Counter>,
    reloads: Family<PluginLabels, Counter>,
    denials: Family<PluginLabels, Counter>,
    lost_messages: Family<PluginLabels, Counter>,
    call_seconds: Family<PluginLabels, Counter<f64, std::sync::atomic::AtomicU64>>,
    memory: Family<PluginLabels, Gauge>,
    plugins: Arc<Mutex<Vec<PluginMetrics>>>,
}

/// One plugin's counters and state. Clones count into the same ones.
#[derive(Clone)]
pub struct PluginMetrics {
    name: Arc<str>,
    kind: PluginKind,
    component: Arc<str>,
    entries: [Counter; FATES.len()],
    /// Calls into a transform, or `ingest` calls of a harvester.
    pub calls: Counter,
    /// Its state, failures and new instances.
    pub runs: Runs,
    /// What the plugin wanted and was not granted.
    pub denials: Counter,
    /// Messages beyond the limit of the plugin's log.
    pub lost_messages: Counter,
    seconds: Counter<f64, std::sync::atomic::AtomicU64>,
    memory: Gauge,
}

/// A plugin's state and counts at one moment.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PluginStatus {
    /// Its name in the configuration.
    pub name: String,
    /// What it is for.
    pub kind: PluginKind,
    /// Its component's file.
    pub component: String,
    /// What it is doing.
    pub state: RunState,
    /// For how long it has been in this state, in seconds.
    pub state_seconds: u64,
    /// Why it failed last; none if it never has.
    pub last_error: Option<String>,
    /// Calls into a transform, or `ingest` calls of a harvester.
    pub calls: u64,
    /// Seconds per call, on average; of a harvester, what `ingest` took.
    pub seconds_per_call: f64,
    /// Entries by what became of them; those with none are left out.
    pub entries: serde_json::Map<String, serde_json::Value>,
    /// Calls or runs that failed.
    pub failures: u64,
    /// New instances after a failure or the end of a run.
    pub restarts: u64,
    /// Components taken over from a changed file.
    pub reloads: u64,
    /// What it wanted and was not granted.
    pub denials: u64,
    /// Messages beyond the limit of its log.
    pub lost_messages: u64,
    /// Linear memory of its instance, in bytes.
    pub memory_bytes: u64,
}

impl PluginFamilies {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut counters = |name: &str, help: &str, family: &Family<PluginLabels, Counter>| {
            registry.register(name, help, family.clone());
        };
        counters("plugin_calls", "Calls into transforms, ingest calls of harvesters", &self.calls);
        counters("plugin_failures", "Calls or runs of plugins that failed", &self.failures);
        counters("plugin_restarts", "New instances after a failure or an end", &self.restarts);
        counters("plugin_reloads", "Components taken over from changed files", &self.reloads);
        counters("plugin_denials", "What plugins wanted and were not granted", &self.denials);
        counters(
            "plugin_lost_messages",
            "Messages beyond the limit of a plugin's log",
            &self.lost_messages,
        );
        registry.register(
            "plugin_entries",
            "Entries that plugins brought or were given, by what became of them",
            self.entries.clone(),
        );
        let seconds = self.call_seconds.clone();
        registry.register_with_unit("plugin_calls", "Time in calls", Unit::Seconds, seconds);
        let memory = self.memory.clone();
        registry.register_with_unit("plugin_memory", "Linear memory", Unit::Bytes, memory);
    }

    pub(super) fn plugin(&self, name: &str, kind: PluginKind, component: &str) -> PluginMetrics {
        let kind_name = kind.name();
        let labels = PluginLabels { plugin: name.to_owned(), kind: kind_name };
        let entries = FATES.map(|(_, fate)| {
            let labels = FateLabels { plugin: name.to_owned(), kind: kind_name, fate };
            self.entries.get_or_create(&labels).clone()
        });
        let of = |family: &Family<PluginLabels, Counter>| family.get_or_create(&labels).clone();
        let plugin = PluginMetrics {
            name: name.into(),
            kind,
            component: component.into(),
            entries,
            calls: of(&self.calls),
            runs: Runs::new(of(&self.failures), of(&self.restarts), of(&self.reloads)),
            denials: of(&self.denials),
            lost_messages: of(&self.lost_messages),
            seconds: self.call_seconds.get_or_create(&labels).clone(),
            memory: self.memory.get_or_create(&labels).clone(),
        };
        lock(&self.plugins).push(plugin.clone());
        plugin
    }

    pub(super) fn statuses(&self) -> Vec<PluginStatus> {
        lock(&self.plugins).iter().map(PluginMetrics::status).collect()
    }
}

impl PluginMetrics {
    /// For tests of what counts.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Self {
        PluginFamilies::default().plugin("x", PluginKind::Transform, "x.wasm")
    }

    /// The plugin's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts entries.
    pub fn count(&self, fate: EntryFate, entries: usize) {
        let at = FATES.iter().position(|(known, _)| *known == fate);
        if let Some(counter) = at.and_then(|at| self.entries.get(at)) {
            counter.inc_by(entries as u64);
        }
    }

    /// Counts a call and its time.
    pub fn called(&self, time: Duration) {
        self.calls.inc();
        self.seconds.inc_by(time.as_secs_f64());
    }

    /// Notes the linear memory of the instance, in bytes.
    pub fn set_memory(&self, bytes: usize) {
        self.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The linear memory of the instance, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        u64::try_from(self.memory.get()).unwrap_or_default()
    }

    fn status(&self) -> PluginStatus {
        let now = self.runs.now();
        let calls = self.calls.get();
        let counts = FATES.iter().zip(&self.entries).map(|((_, name), count)| (*name, count.get()));
        PluginStatus {
            name: self.name.to_string(),
            kind: self.kind,
            component: self.component.to_string(),
            state: now.state,
            state_seconds: now.seconds(),
            last_error: now.last_error,
            calls,
            seconds_per_call: if calls == 0 { 0.0 } else { self.seconds.get() / calls as f64 },
            entries: counts
                .filter(|(_, count)| *count > 0)
                .map(|(name, count)| (name.to_owned(), count.into()))
                .collect(),
            failures: self.runs.failures.get(),
            restarts: self.runs.restarts.get(),
            reloads: self.runs.reloads.get(),
            denials: self.denials.get(),
            lost_messages: self.lost_messages.get(),
            memory_bytes: self.memory_bytes(),
        }
    }
}

impl fmt::Debug for PluginMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginMetrics").field("name", &self.name).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_plugin_shows_its_counts_by_name_and_as_metrics() {
        let metrics = Metrics::default();
        let plugin = metrics.plugin("redact", PluginKind::Transform, "./redact.wasm");
        plugin.count(EntryFate::In, 3);
        plugin.count(EntryFate::Kept, 2);
        plugin.called(Duration::from_millis(500));
        plugin.runs.failed("it trapped");
        plugin.runs.enter(RunState::Waiting);

        let statuses = metrics.plugins();
        let json = serde_json::to_value(&statuses).expect("it serialises");

        assert_eq!(json[0]["entries"], serde_json::json!({"in": 3, "kept": 2}));
        assert_eq!(json[0]["state"], "waiting");
        assert_eq!(json[0]["last_error"], "it trapped");
        let text = metrics.render();
        let line =
            r#"loglite_plugin_entries_total{plugin="redact",kind="transform",fate="kept"} 2"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("loglite_plugin_calls_seconds_total"), "{text}");
    }
}
