//! What the service does, in the form that statistics over intervals need: totals whose differences count, and how long
//! or large things were since someone looked.

use std::sync::{Arc, Mutex, PoisonError};

/// How many there were of something that is measured, and how large they were together, at least and at most.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least one, 0 without any.
    pub min: f64,
    /// The largest one, 0 without any.
    pub max: f64,
}

/// Measurements since they were last taken. Clones collect into the same ones.
#[derive(Debug, Clone, Default)]
pub struct Gathered(Arc<Mutex<Spread>>);

/// What was measured since someone looked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spreads {
    /// Answers of `GET /logs`, in seconds until their first page was read.
    pub queries: Spread,
    /// Bodies of `POST /logs`, in bytes as they were sent.
    pub bodies: Spread,
    /// Transactions of entries, in seconds.
    pub commits: Spread,
}

/// What was counted since the service started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries committed.
    pub stored: u64,
    /// Entries refused for what they are.
    pub refused: u64,
    /// Entries dropped by transforms.
    pub dropped: u64,
    /// Entries not stored because the storage failed or the queue was full.
    pub failed: u64,
    /// Entries stored for harvesters.
    pub harvested: u64,
    /// Entries deleted because they were too old or too many.
    pub deleted: u64,
    /// Dead letters written.
    pub letters: u64,
    /// Transactions committed.
    pub batches: u64,
    /// Queries that failed or were interrupted by their deadline.
    pub queries_failed: u64,
    /// HTTP requests answered.
    pub requests: u64,
    /// HTTP requests answered with a status from 500 on.
    pub requests_failed: u64,
}

impl Spread {
    fn observe(&mut self, value: f64) {
        self.add(&Self { count: 1, sum: value, min: value, max: value });
    }

    /// Takes others in.
    pub fn add(&mut self, others: &Self) {
        if others.count == 0 {
            return;
        }
        let is_first = self.count == 0;
        self.min = if is_first { others.min } else { self.min.min(others.min) };
        self.max = if is_first { others.max } else { self.max.max(others.max) };
        self.count += others.count;
        self.sum += others.sum;
    }

    /// The sum over the count, 0 without any.
    #[must_use]
    pub fn average(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

impl Gathered {
    /// Takes a measurement in.
    pub fn observe(&self, value: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(value);
    }

    /// What was measured since the last call.
    pub(super) fn take(&self) -> Spread {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Spreads {
    /// Takes others in.
    pub fn add(&mut self, others: &Self) {
        self.queries.add(&others.queries);
        self.bodies.add(&others.bodies);
        self.commits.add(&others.commits);
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queries.count + self.bodies.count + self.commits.count == 0
    }
}

impl Totals {
    /// Whether nothing was done but to answer requests, such as those that ask how the service is.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Self { requests: 0, ..*self } == Self::default()
    }

    /// What was counted since an earlier moment.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let since = |of: fn(&Self) -> u64| of(self).saturating_sub(of(earlier));
        Self {
            stored: since(|totals| totals.stored),
            refused: since(|totals| totals.refused),
            dropped: since(|totals| totals.dropped),
            failed: since(|totals| totals.failed),
            harvested: since(|totals| totals.harvested),
            deleted: since(|totals| totals.deleted),
            letters: since(|totals| totals.letters),
            batches: since(|totals| totals.batches),
            queries_failed: since(|totals| totals.queries_failed),
            requests: since(|totals| totals.requests),
            requests_failed: since(|totals| totals.requests_failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_taken_once_and_can_be_put_together_again() {
        let gathered = Gathered::default();
        assert_eq!(gathered.take(), Spread::default());
        gathered.observe(4.0);
        gathered.observe(2.0);
        let mut taken = gathered.take();
        assert_eq!(taken, Spread { count: 2, sum: 6.0, min: 2.0, max: 4.0 });
        assert_eq!(gathered.take().count, 0);

        taken.add(&Spread::default());
        taken.add(&Spread { count: 1, sum: 9.0, min: 9.0, max: 9.0 });

        assert_eq!(taken, Spread { count: 3, sum: 15.0, min: 2.0, max: 9.0 });
        assert!((taken.average() - 5.0).abs() < f64::EPSILON);
    }
}
