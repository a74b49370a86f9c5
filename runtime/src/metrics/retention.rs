//! What retention has deleted, what it could not read, and how long its passes take.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Why rows were deleted.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The counters of retention. Clones count into the same ones.
#[derive(Debug, Clone)]
pub struct RetentionMetrics {
    /// Rows deleted for their age.
    pub by_age: Counter,
    /// Rows deleted by a rule.
    pub by_rule: Counter,
    /// Rows deleted because the database was too large.
    pub by_size: Counter,
    /// Rows with a timestamp that can't be read, among those that the latest pass has looked at.
    pub unreadable: Gauge,
    /// How long the latest pass took, in seconds.
    pub pass_seconds: Gauge<f64, AtomicU64>,
    deleted: Family<Reason, Counter>,
    gone: Counter,
}

impl Default for RetentionMetrics {
    fn default() -> Self {
        let deleted = Family::<Reason, Counter>::default();
        let by = |reason| deleted.get_or_create(&Reason { reason }).clone();
        Self {
            by_age: by("age"),
            by_rule: by("rule"),
            by_size: by("size"),
            unreadable: Gauge::default(),
            pass_seconds: Gauge::default(),
            deleted,
            gone: Counter::default(),
        }
    }
}

impl RetentionMetrics {
    /// Notes deleted rows on the writer's thread, so that its counts are right between any two batches.
    pub fn rows_gone(&self, rows: usize) {
        self.gone.inc_by(rows as u64);
    }

    /// Rows deleted, for whatever reason.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.gone.get()
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("rows_deleted", "Rows deleted by retention", self.deleted.clone());
        registry.register(
            "retention_unreadable_timestamps",
            "Rows that the latest pass could not tell the age of",
            self.unreadable.clone(),
        );
        registry.register_with_unit(
            "retention_pass",
            "Time the latest pass took",
            Unit::Seconds,
            self.pass_seconds.clone(),
        );
    }
}
