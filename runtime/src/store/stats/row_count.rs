//! How many rows the log table has, exactly and without counting them each time.
//!
//! They are counted once, in a snapshot of which it is known what the writer had stored and deleted until then. From
//! there on its counters tell. They are counted again when another program has written to the database, and now and
//! then, as rows may also go by triggers and conflict rules of the table.
//!
//! The snapshot keeps the write-ahead log from being emptied, so a count ends after `query_timeout` as any query does. It
//! is tried again later: what it has read from the disk may be in memory then.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle, OptionalExtension};
use tracing::debug;

use crate::metrics::{Metrics, Totals};
use crate::store::WriteQueue;
use crate::store::row_ids::data_version;

/// Counting takes at most this part of the time while another program writes.
const REST_AFTER_CHANGE: u32 = 50;
/// And this one else.
const REST: u32 = 1_000;
const LEAST_REST: Duration = Duration::from_secs(3_600);
/// Between two interrupts: one that comes before the count begins is forgotten.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

/// Counts the rows.
#[derive(Debug)]
pub(super) struct RowCounter {
    /// None once the store is closed.
    reader: Option<Connection>,
    sql: String,
    /// How long a count may take.
    patience: Duration,
    /// When one took longer.
    given_up: Option<Instant>,
    known: Option<Known>,
}

/// A count, and what to know of the moment that it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    rows: u64,
    moment: Snapshot,
    counted: Instant,
    took: Duration,
}

/// A snapshot's place in what the writer did.
#[derive(Debug, Clone, Copy)]
struct Snapshot {
    totals: Totals,
    data_version: i64,
}

impl RowCounter {
    /// Counts what `table`, a quoted name, holds, if that takes no longer than `patience`.
    pub(super) fn new(reader: Connection, table: &str, patience: Duration) -> Self {
        let sql = format!("SELECT count(*) FROM {table}");
        Self { reader: Some(reader), sql, patience, given_up: None, known: None }
    }

    /// What is known of the number of rows, counted anew if need be, which may take long.
    pub(super) fn look(&mut self, queue: &WriteQueue, metrics: &Metrics) -> Option<Known> {
        let rest = self.patience.saturating_mul(REST_AFTER_CHANGE);
        if self.given_up.is_some_and(|since| since.elapsed() < rest) {
            return None;
        }
        let reader = self.reader.take()?;
        let (metrics, known) = (metrics.clone(), self.known);
        let outcome = queue.push_chore(move |writer| {
            // The reader comes back in any case.
            let snapshot = take_snapshot(writer, &reader, &metrics, known);
            Ok((reader, snapshot))
        });
        let Ok((reader, snapshot)) = outcome.ok()?.blocking_recv().ok()? else { return self.known };
        match snapshot {
            Ok(Some(moment)) => self.count(&reader, moment),
            Ok(None) => {}
            Err(error) => debug!(%error, "no snapshot to count the rows in"),
        }
        self.reader = Some(reader);
        self.known
    }

    fn count(&mut self, reader: &Connection, moment: Snapshot) {
        let begun = Instant::now();
        let rows = interrupted_after(self.patience, reader.get_interrupt_handle(), || {
            reader.query_row(&self.sql, [], |row| row.get::<_, i64>(0))
        });
        let counted = Instant::now();
        let took = counted - begun;
        self.given_up = Some(counted).filter(|_| rows.is_err() && took >= self.patience);
        match rows.and_then(|rows| reader.execute_batch("COMMIT").map(|()| rows)) {
            Ok(rows) => {
                debug!(rows, seconds = took.as_secs_f64(), "rows counted");
                let rows = rows.unsigned_abs();
                self.known = Some(Known { rows, moment, counted, took });
            }
            Err(error) => {
                debug!(%error, "rows not counted");
                self.known = None;
                if !reader.is_autocommit()
                    && let Err(error) = reader.execute_batch("ROLLBACK")
                {
                    debug!(%error, "the snapshot could not be left");
                }
            }
        }
    }
}

impl Known {
    /// The number of rows by the time of these counts.
    pub(super) fn rows(&self, totals: &Totals) -> u64 {
        let since = totals.since(&self.moment.totals);
        (self.rows + since.stored).saturating_sub(since.deleted)
    }

    fn is_outdated(&self, now: &Snapshot) -> bool {
        let age = self.counted.elapsed();
        if now.data_version != self.moment.data_version && age >= self.took * REST_AFTER_CHANGE {
            return true;
        }
        let since = now.totals.since(&self.moment.totals);
        let is_touched = since.stored + since.deleted > 0;
        is_touched && age >= (self.took * REST).max(LEAST_REST)
    }
}

/// Does the work of a connection, but not for longer than this. SQLite calls no progress handler while it counts.
fn interrupted_after<T>(
    patience: Duration,
    handle: InterruptHandle,
    work: impl FnOnce() -> T,
) -> T {
    let (end, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || interrupt_until_end(patience, &handle, &ended));
        let result = work();
        drop::<mpsc::Sender<()>>(end);
        result
    })
}

fn interrupt_until_end(patience: Duration, handle: &InterruptHandle, ended: &Receiver<()>) {
    let mut pause = patience;
    while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        handle.interrupt();
        pause = INTERRUPT_EVERY;
    }
}

/// On the writer's thread, so that what is stored until now is exactly what its counters say. None when the known count
/// is good.
fn take_snapshot(
    writer: &Connection,
    reader: &Connection,
    metrics: &Metrics,
    known: Option<Known>,
) -> rusqlite::Result<Option<Snapshot>> {
    let now = Snapshot { totals: metrics.totals(), data_version: data_version(writer)? };
    if known.is_some_and(|known| !known.is_outdated(&now)) {
        return Ok(None);
    }
    reader.execute_batch("BEGIN")?;
    // Only with the first look the snapshot is taken.
    let look = reader.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(())).optional();
    if look.is_err() {
        reader.execute_batch("ROLLBACK")?;
    }
    look.map(|_| Some(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ByteSize;

    const TEN: &str =
        "(WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10) SELECT x FROM n)";

    fn count(table: &str, patience: Duration) -> (RowCounter, Connection) {
        let reader = Connection::open_in_memory().expect("a database");
        let unused = Connection::open_in_memory().expect("a database");
        let mut counter = RowCounter::new(unused, table, patience);
        reader.execute_batch("BEGIN").expect("a snapshot");
        let moment = Snapshot { totals: Totals::default(), data_version: 1 };
        counter.count(&reader, moment);
        (counter, reader)
    }

    #[test]
    fn a_count_without_end_leaves_its_snapshot_and_rests() {
        let endless = TEN.replace("LIMIT 10", "");

        let (mut counter, reader) = count(&endless, Duration::from_millis(200));

        assert!(counter.known.is_none() && reader.is_autocommit());
        // Nobody takes from this queue: it would wait for ever.
        let queue = WriteQueue::new(ByteSize(1), Metrics::default());
        assert!(counter.look(&queue, &Metrics::default()).is_none());
    }

    #[test]
    fn a_count_in_time_is_kept() {
        let (counter, reader) = count(TEN, Duration::from_secs(3_600));
        assert_eq!(counter.known.map(|known| known.rows), Some(10));
        assert!(counter.given_up.is_none() && reader.is_autocommit());
    }
}
