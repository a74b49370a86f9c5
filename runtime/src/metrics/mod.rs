//! What the service counts about itself, in Prometheus terms.
//!
//! Each part of the program holds a clone of [`Metrics`] and counts where things happen; `GET /metrics` prints them.

mod activity;
mod harvesters;
mod plugins;
mod retention;
mod runs;

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::PluginKind;
pub use activity::{Gathered, Spread, Spreads, Totals};
use harvesters::HarvesterFamilies;
pub use harvesters::{HarvesterMetrics, HarvesterStatus};
use plugins::PluginFamilies;
pub use plugins::{EntryFate, PluginMetrics, PluginStatus};
pub use retention::RetentionMetrics;
pub use runs::{RunState, Runs};

/// Seconds: from a commit without a sync (0.1 ms) to a disk in trouble (5 s).
const COMMIT_BUCKETS: [f64; 11] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];
/// Seconds: from an index look-up to the default query timeout.
const QUERY_BUCKETS: [f64; 10] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// What became of something that was counted.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    outcome: &'static str,
}

/// A response's status code.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// A file of the database.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DatabaseFile {
    file: &'static str,
}

/// A compressed column.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CompressedColumn {
    column: String,
}

/// The service's counters. Clones count into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: std::sync::Arc<Registry>,
    /// Entries committed.
    pub entries_stored: Counter,
    /// Entries refused for what they are.
    pub entries_refused: Counter,
    /// Entries dropped by transforms.
    pub entries_dropped: Counter,
    /// Entries that transforms failed on, kept as dead letters.
    pub entries_dead: Counter,
    /// Entries not stored because the storage failed or the queue was full.
    pub entries_failed: Counter,
    /// Transactions committed.
    pub batches_committed: Counter,
    /// Transactions rolled back because the storage failed.
    pub batches_failed: Counter,
    /// How long the answers of `GET /logs` took until their first page was read, in seconds.
    pub query_times: Gathered,
    /// How large the bodies of `POST /logs` were, in bytes.
    pub body_sizes: Gathered,
    commit_seconds: Histogram,
    commit_times: Gathered,
    /// Bytes of rows between acceptance and commit.
    pub queue_bytes: Gauge,
    /// Dead letters written.
    pub dead_letters_written: Counter,
    /// Dead letters deleted because there were too many, or too old.
    pub dead_letters_purged: Counter,
    /// Dead letters that were replayed.
    pub dead_letters_replayed: Counter,
    /// Dead letters kept now.
    pub dead_letters_kept: Gauge,
    /// HTTP connections open now.
    pub connections: Gauge,
    /// Bytes of free pages returned to the file system.
    pub vacuum_bytes: Counter,
    /// Bytes of free pages in the database, as the newest pass found them.
    pub free_bytes: Gauge,
    /// Queries answered.
    pub queries_answered: Counter,
    /// Queries interrupted by their deadline.
    pub queries_timed_out: Counter,
    /// Queries that failed.
    pub queries_failed: Counter,
    /// How long queries took.
    pub query_seconds: Histogram,
    /// Live subscriptions open now.
    pub sse_subscribers: Gauge,
    /// Old rows and what becomes of them.
    pub retention: RetentionMetrics,
    requests: Family<Status, Counter>,
    requests_answered: Counter,
    requests_failed: Counter,
    database_bytes: Family<DatabaseFile, Gauge>,
    dictionary_values: Family<CompressedColumn, Gauge>,
    plugins: PluginFamilies,
    harvesters: HarvesterFamilies,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("loglite");
        let entries = outcomes(&mut registry, "entries", "Log entries received");
        let batches = outcomes(&mut registry, "batches", "Transactions of the writer");
        let queries = outcomes(&mut registry, "queries", "Queries of the log table");
        let letters =
            outcomes(&mut registry, "dead_letter_events", "Dead letters by what happened");
        let metrics = Self {
            entries_stored: of(&entries, "stored"),
            entries_refused: of(&entries, "refused"),
            entries_dropped: of(&entries, "dropped"),
            entries_dead: of(&entries, "dead"),
            entries_failed: of(&entries, "failed"),
            batches_committed: of(&batches, "committed"),
            batches_failed: of(&batches, "failed"),
            query_times: Gathered::default(),
            body_sizes: Gathered::default(),
            commit_seconds: Histogram::new(COMMIT_BUCKETS),
            commit_times: Gathered::default(),
            queue_bytes: Gauge::default(),
            dead_letters_written: of(&letters, "written"),
            dead_letters_purged: of(&letters, "purged"),
            dead_letters_replayed: of(&letters, "replayed"),
            dead_letters_kept: Gauge::default(),
            connections: Gauge::default(),
            vacuum_bytes: Counter::default(),
            free_bytes: Gauge::default(),
            queries_answered: of(&queries, "answered"),
            queries_timed_out: of(&queries, "timed_out"),
            queries_failed: of(&queries, "failed"),
            query_seconds: Histogram::new(QUERY_BUCKETS),
            sse_subscribers: Gauge::default(),
            retention: RetentionMetrics::default(),
            requests: Family::default(),
            requests_answered: Counter::default(),
            requests_failed: Counter::default(),
            database_bytes: Family::default(),
            dictionary_values: Family::default(),
            plugins: PluginFamilies::default(),
            harvesters: HarvesterFamilies::default(),
            registry: std::sync::Arc::default(),
        };
        metrics.register(&mut registry);
        Self { registry: std::sync::Arc::new(registry), ..metrics }
    }
}

impl Metrics {
    fn register(&self, registry: &mut Registry) {
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "commit_duration",
            "From the start of a transaction to the end of its commit",
            seconds.clone(),
            self.commit_seconds.clone(),
        );
        registry.register_with_unit(
            "query_duration",
            "Time a query took",
            seconds,
            self.query_seconds.clone(),
        );
        let bytes = Unit::Bytes;
        registry.register_with_unit(
            "queue",
            "Rows between acceptance and commit",
            bytes.clone(),
            self.queue_bytes.clone(),
        );
        registry.register_with_unit(
            "database",
            "Size of the database's files",
            bytes.clone(),
            self.database_bytes.clone(),
        );
        registry.register(
            "dictionary_values",
            "Distinct values of a compressed column",
            self.dictionary_values.clone(),
        );
        registry.register_with_unit(
            "database_free",
            "Free pages of the database after the newest pass of vacuum",
            bytes.clone(),
            self.free_bytes.clone(),
        );
        registry.register_with_unit(
            "vacuum",
            "Free pages returned to the file system",
            bytes,
            self.vacuum_bytes.clone(),
        );
        registry.register("dead_letters", "Dead letters kept", self.dead_letters_kept.clone());
        registry.register("http_connections", "HTTP connections open", self.connections.clone());
        registry.register("http_requests", "HTTP requests answered", self.requests.clone());
        registry.register(
            "sse_subscribers",
            "Live subscriptions open",
            self.sse_subscribers.clone(),
        );
        self.retention.register(registry);
        self.plugins.register(registry);
        self.harvesters.register(registry);
    }

    /// The counters of a plugin, which is listed from now on.
    #[must_use]
    pub fn plugin(&self, name: &str, kind: PluginKind, component: &str) -> PluginMetrics {
        self.plugins.plugin(name, kind, component)
    }

    /// What each plugin is doing, in the order of the configuration.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.plugins.statuses()
    }

    /// The counters of a harvester, which is listed from now on. `runs` are those of its plugin, if it is one.
    #[must_use]
    pub fn harvester(
        &self,
        name: &str,
        kind: &'static str,
        runs: Option<&Runs>,
    ) -> HarvesterMetrics {
        self.harvesters.harvester(name, kind, runs)
    }

    /// What each harvester is doing, in the order of the configuration.
    #[must_use]
    pub fn harvesters(&self) -> Vec<HarvesterStatus> {
        self.harvesters.statuses()
    }

    /// Counts an answered HTTP request.
    pub fn request_answered(&self, status: u16) {
        self.requests.get_or_create(&Status { status }).inc();
        self.requests_answered.inc();
        if status >= 500 {
            self.requests_failed.inc();
        }
    }

    /// Notes a transaction: from its start to the end of its commit.
    pub fn commit_took(&self, time: Duration) {
        self.commit_seconds.observe(time.as_secs_f64());
        self.commit_times.observe(time.as_secs_f64());
    }

    /// What was counted since the service started.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            stored: self.entries_stored.get(),
            refused: self.entries_refused.get(),
            dropped: self.entries_dropped.get(),
            failed: self.entries_failed.get(),
            harvested: self.harvesters.entries(),
            deleted: self.retention.gone(),
            letters: self.dead_letters_written.get(),
            batches: self.batches_committed.get(),
            queries_failed: self.queries_failed.get() + self.queries_timed_out.get(),
            requests: self.requests_answered.get(),
            requests_failed: self.requests_failed.get(),
        }
    }

    /// What was measured since the last call: for one caller.
    pub(crate) fn take_spreads(&self) -> Spreads {
        Spreads {
            queries: self.query_times.take(),
            bodies: self.body_sizes.take(),
            commits: self.commit_times.take(),
        }
    }

    /// Notes the sizes of the database file and its write-ahead log, in bytes.
    pub fn set_database_bytes(&self, main: u64, wal: u64) {
        for (file, bytes) in [("main", main), ("wal", wal)] {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.database_bytes.get_or_create(&DatabaseFile { file }).set(bytes);
        }
    }

    /// Notes how many values the dictionary of a compressed column holds.
    pub fn set_dictionary_values(&self, column: &str, values: i64) {
        let labels = CompressedColumn { column: column.to_owned() };
        self.dictionary_values.get_or_create(&labels).set(values);
    }

    /// All counters in the OpenMetrics text format, which Prometheus reads
    /// (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
    #[must_use]
    pub fn render(&self) -> String {
        self.harvesters.refresh();
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String can't fail");
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn outcomes(registry: &mut Registry, name: &str, help: &str) -> Family<Outcome, Counter> {
    let family = Family::<Outcome, Counter>::default();
    registry.register(name, help, family.clone());
    family
}

fn of(family: &Family<Outcome, Counter>, outcome: &'static str) -> Counter {
    family.get_or_create(&Outcome { outcome }).clone()
}
