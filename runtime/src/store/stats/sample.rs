//! What an interval and a look at the database become in the tables.

use jiff::Timestamp;
use rusqlite::types::Value;
use tracing::debug;

use super::clock::written;
use super::database::Sizes;
use crate::metrics::{Spread, Spreads, Totals};

/// An interval of the service's life.
#[derive(Debug)]
pub(super) struct Interval {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    /// What was counted in it.
    pub(super) counts: Totals,
    pub(super) spreads: Spreads,
    pub(super) open: Open,
}

/// What was open at the end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) sessions: i64,
    pub(super) connections: i64,
}

/// The database at the end of an interval.
#[derive(Debug)]
pub(super) struct Extent {
    pub(super) at: Timestamp,
    /// Rows of the log table; none when they could not be counted.
    pub(super) rows: Option<u64>,
    pub(super) sizes: Sizes,
    pub(super) letters: i64,
}

impl Interval {
    /// A value for each column of [`ACTIVITY`](super::ACTIVITY) behind `id`.
    pub(super) fn values(&self) -> Vec<Value> {
        let Self { counts, spreads, open, .. } = self;
        let Spreads { queries, bodies, commits } = spreads;
        vec![
            time(self.since),
            time(self.until),
            count(queries.count),
            milliseconds(queries.min),
            milliseconds(queries.max),
            milliseconds(queries.average()),
            count(bodies.count),
            bytes(bodies.min),
            bytes(bodies.max),
            bytes(bodies.average()),
            count(counts.failed),
            count(counts.batches),
            count(counts.stored),
            milliseconds(commits.sum),
            Value::Integer(open.sessions),
            Value::Integer(open.connections),
            count(counts.queries_failed),
            bytes(bodies.sum),
            count(counts.refused),
            count(counts.dropped),
            count(counts.letters),
            count(counts.harvested),
            milliseconds(commits.max),
            count(counts.deleted),
            count(counts.requests),
            count(counts.requests_failed),
        ]
    }

    /// Logs it in the words of the C++ generation.
    pub(super) fn log(&self, pruned: usize) {
        let Self { counts, spreads, open, .. } = self;
        let ms = |spread: &Spread| (spread.average() * 1e3, spread.max * 1e3, spread.sum * 1e3);
        let (query_average, query_max, _) = ms(&spreads.queries);
        let (.., insert_total) = ms(&spreads.commits);
        debug!(
            "[query]: count={} avg={query_average:.3}ms max={query_max:.3}ms | [ingest]: count={} avg_size={:.0}B \
             drops={} | [insert]: batches={} rows={} total={insert_total:.3}ms | sse_sessions={} http_conns={} \
             pruned={pruned}",
            spreads.queries.count,
            spreads.bodies.count,
            spreads.bodies.average(),
            counts.failed,
            counts.batches,
            counts.stored,
            open.sessions,
            open.connections,
        );
    }
}

impl Extent {
    /// A value for each column of [`DATABASE`](super::DATABASE) behind `id`.
    pub(super) fn values(&self) -> Vec<Value> {
        vec![
            time(self.at),
            self.rows.map_or(Value::Null, count),
            Value::Integer(self.sizes.pages),
            Value::Integer(self.sizes.free_pages),
            count(self.sizes.log),
            self.sizes.disk.map_or(Value::Null, count),
            Value::Integer(self.letters),
        ]
    }
}

fn time(time: Timestamp) -> Value {
    Value::Text(written(time))
}

fn count(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Seconds as milliseconds, to the microsecond.
fn milliseconds(seconds: f64) -> Value {
    Value::Real((seconds * 1e6).round() / 1e3)
}

/// Whole bytes.
fn bytes(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "sizes are far from where it saturates")]
    Value::Integer(number.round() as i64)
}
