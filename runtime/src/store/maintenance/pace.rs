//! How much of the writer's time maintenance takes.

use std::time::Duration;

use crate::metrics::Metrics;

/// The share of the writer's time that chores take while entries come in.
const SHARE: f64 = 0.25;
/// The share while rows come in faster than they are deleted. Deleting a row costs about as much as storing one.
const SHARE_IN_HURRY: f64 = 0.5;
/// The share while the writer has nothing else to do. An entry that arrives waits for one chore at most.
const SHARE_ALONE: f64 = 0.9;

/// Keeps chores apart.
#[derive(Debug)]
pub(super) struct Pace {
    share: f64,
    metrics: Metrics,
    seen: u64,
}

impl Pace {
    /// `metrics` counts the batches that the writer commits.
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { share: SHARE, seen: metrics.batches_committed.get(), metrics }
    }

    pub(super) fn hurry(&mut self, is_behind: bool) {
        self.share = if is_behind { SHARE_IN_HURRY } else { SHARE };
    }

    /// How long to wait after a chore that took this long.
    pub(super) fn rest(&mut self, took: Duration) -> Duration {
        let batches = self.metrics.batches_committed.get();
        let is_alone = std::mem::replace(&mut self.seen, batches) == batches;
        let share = if is_alone { SHARE_ALONE } else { self.share };
        took.mul_f64((1.0 - share) / share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chores_leave_most_of_the_time_to_those_who_store() {
        let metrics = Metrics::default();
        let mut pace = Pace::new(metrics.clone());
        let took = Duration::from_millis(4);

        assert!(pace.rest(took) < took, "alone");
        metrics.batches_committed.inc();
        assert_eq!(pace.rest(took), took * 3);
        metrics.batches_committed.inc();
        pace.hurry(true);
        assert_eq!(pace.rest(took), took);
    }
}
