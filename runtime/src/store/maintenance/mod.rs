//! Keeps the database small while the service runs: deletes old rows and returns free pages.
//!
//! One thread makes a pass every `task_vacuum_interval`. It reads on a connection of its own, in snapshots of moments, and
//! has everything written by the writer, as chores of a few milliseconds each ([`Workbench`]).
//! Invariant: a pass that fails, or is cut off by the end of the process at any point, leaves nothing to repair.

mod age;
mod calendar;
mod clock;
mod late;
mod log_table;
mod pace;
mod removal;
mod retention;
mod rules;
mod size;
mod space;
mod thread;
mod workbench;

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::fault::Fault;
use super::vacuum::Vacuum;
use crate::metrics::Metrics;
use retention::Retention;
use space::Space;
pub(super) use thread::{MaintenanceParts, MaintenanceThread};
use workbench::{Halt, Progress, Workbench, WorkbenchParts};

/// The first pass comes at the latest this long after the start.
const FIRST_PASS: Duration = Duration::from_secs(1);
/// A step of a pass may always take this long, however short the interval.
const LEAST_BUDGET: Duration = Duration::from_secs(1);

/// What the thread does, and when.
struct Maintenance {
    bench: Workbench,
    retention: Retention,
    space: Space,
    interval: Duration,
    metrics: Metrics,
    /// The latest pass failed.
    failing: bool,
    /// Rows come in faster than they are deleted.
    behind: bool,
}

/// Counters before a pass.
#[derive(Debug, Clone, Copy)]
struct Counts {
    stored: u64,
    by_age: u64,
    by_rule: u64,
    by_size: u64,
}

impl Maintenance {
    fn new(
        parts: WorkbenchParts,
        retention: Retention,
        vacuum: Vacuum,
        interval: Duration,
    ) -> Self {
        let metrics = parts.metrics.clone();
        Self {
            bench: Workbench::new(parts),
            retention,
            space: Space::new(vacuum, interval),
            interval,
            metrics,
            failing: false,
            behind: false,
        }
    }

    /// Makes passes until the service stops.
    fn run(mut self) {
        let mut wait = self.interval.min(FIRST_PASS);
        while self.bench.pause(wait).is_ok() {
            let (begun, before) = (Instant::now(), self.counts());
            let outcome = self.pass();
            let seconds = begun.elapsed().as_secs_f64();
            self.metrics.retention.pass_seconds.set(seconds);
            self.tell(before, seconds);
            wait = match outcome {
                Ok(progress) => self.next_pass(progress, before),
                Err(Halt::Stopping) => return,
                Err(Halt::Failed(cause)) => self.fail(&cause),
            };
            if self.space.pass(&mut self.bench).is_err() {
                return;
            }
        }
    }

    /// All steps, each within its budget. What a step leaves over, the next pass does.
    fn pass(&mut self) -> Result<Progress, Halt> {
        let budget = self.interval.max(LEAST_BUDGET);
        self.retention.pass(&mut self.bench, budget)
    }

    /// When the next pass begins. While rows come in faster than they are deleted, deleting gets more of the writer's time.
    fn next_pass(&mut self, progress: Progress, before: Counts) -> Duration {
        if std::mem::take(&mut self.failing) {
            info!("retention works again");
        }
        let now = self.counts();
        let is_behind = progress == Progress::More
            && now.deleted() - before.deleted() < now.stored - before.stored;
        if is_behind && !self.behind {
            warn!(
                stored = now.stored - before.stored,
                deleted = now.deleted() - before.deleted(),
                "more rows come in than retention deletes; it gets more of the writer's time until it has caught up"
            );
        }
        self.behind = is_behind || (self.behind && progress == Progress::More);
        self.bench.hurry(self.behind);
        match progress {
            Progress::Done => self.interval,
            Progress::More => Duration::ZERO,
        }
    }

    fn fail(&mut self, cause: &rusqlite::Error) -> Duration {
        // The end of the service interrupts what is being read.
        if Fault::of(cause) != Fault::Interrupted && !std::mem::replace(&mut self.failing, true) {
            warn!(error = %cause, seconds = self.interval.as_secs_f64(), "retention failed; tried again at each interval");
        }
        self.interval
    }

    fn tell(&self, before: Counts, seconds: f64) {
        let now = self.counts();
        if now.deleted() > before.deleted() {
            let by_age = now.by_age - before.by_age;
            let by_rule = now.by_rule - before.by_rule;
            let by_size = now.by_size - before.by_size;
            info!(by_age, by_rule, by_size, seconds, "old rows deleted");
        }
    }

    fn counts(&self) -> Counts {
        let retention = &self.metrics.retention;
        Counts {
            stored: self.metrics.entries_stored.get(),
            by_age: retention.by_age.get(),
            by_rule: retention.by_rule.get(),
            by_size: retention.by_size.get(),
        }
    }
}

impl Counts {
    fn deleted(self) -> u64 {
        self.by_age + self.by_rule + self.by_size
    }
}
