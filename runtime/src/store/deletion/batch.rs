//! The transactions: how many rows each deletes, and what happens when one fails.

use std::time::{Duration, Instant};

use rusqlite::{Error as SqliteError, Transaction, TransactionBehavior};
use tokio_util::sync::CancellationToken;

use super::Deletion;
use crate::domain::{RowId, quote_identifier};
use crate::store::checkpoint::{Restart, restart_wal};
use crate::store::row_ids::keep_newest;
use crate::store::{Fault, StoreError};

/// A transaction deletes no further rows after this time.
const LONGEST: Duration = Duration::from_millis(5);
const MOST_ROWS: usize = 5_000;
/// How often a transaction waits for the lock, each time as long as the connection's busy timeout.
const PATIENCE: usize = 12;

/// Deletes rows in transactions.
pub(super) struct Batches<'d, P> {
    deletion: &'d Deletion,
    pub(super) stop: &'d CancellationToken,
    progress: P,
    sql: String,
    /// How many rows the next transaction deletes at most.
    rows: usize,
    /// Whether it is noted which row ids were given out.
    is_noted: bool,
    pub(super) deleted: u64,
    pub(super) kept: u64,
    /// The row that can't be deleted.
    pub(super) faulty: Option<RowId>,
}

/// What a transaction has done.
#[derive(Debug, Default)]
struct Done {
    /// How many of the rows it has come to.
    tried: usize,
    deleted: usize,
}

impl<'d, P: FnMut(u64)> Batches<'d, P> {
    pub(super) fn new(deletion: &'d Deletion, stop: &'d CancellationToken, progress: P) -> Self {
        let row_id = quote_identifier(deletion.schema.row_id_name());
        let table = quote_identifier(deletion.schema.table());
        Self {
            deletion,
            stop,
            progress,
            sql: format!("DELETE FROM {table} WHERE {row_id} = ?1"),
            rows: MOST_ROWS,
            is_noted: deletion.keeps_row_ids,
            deleted: 0,
            kept: 0,
            faulty: None,
        }
    }

    /// Deletes these rows, or those before the stop. On an error, the rows before the one that it is about are deleted.
    pub(super) fn delete(&mut self, ids: &[RowId]) -> Result<(), StoreError> {
        let mut left = ids;
        while !left.is_empty() && !self.stop.is_cancelled() {
            let batch = left.get(..self.rows).unwrap_or(left);
            let begun = Instant::now();
            match self.commit(batch) {
                Ok(done) => {
                    left = left.get(done.tried..).unwrap_or_default();
                    self.deleted += done.deleted as u64;
                    self.kept += (done.tried - done.deleted) as u64;
                    self.rows = (self.rows * 2).min(MOST_ROWS);
                    (self.progress)(self.deleted);
                    self.deletion.bound_log();
                    super::pause(begun.elapsed());
                }
                Err(cause) => self.retreat(cause, batch)?,
            }
        }
        Ok(())
    }

    /// One transaction, with the first of these rows.
    fn commit(&mut self, ids: &[RowId]) -> rusqlite::Result<Done> {
        let Deletion { connection, schema, .. } = self.deletion;
        let transaction = self.begin()?;
        let begun = Instant::now();
        // Rows may refer to each other.
        connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        if !self.is_noted {
            keep_newest(connection, schema)?;
        }
        let mut done = Done::default();
        let mut statement = connection.prepare_cached(&self.sql)?;
        for id in ids {
            done.deleted += statement.execute([id.0])?;
            done.tried += 1;
            if begun.elapsed() >= LONGEST {
                break;
            }
        }
        transaction.commit()?;
        self.is_noted = true;
        Ok(done)
    }

    fn begin(&self) -> rusqlite::Result<Transaction<'d>> {
        let begin = || {
            let immediate = TransactionBehavior::Immediate;
            Transaction::new_unchecked(&self.deletion.connection, immediate)
        };
        for _ in 1..PATIENCE {
            match begin() {
                Err(cause) if Fault::of(&cause) == Fault::Busy && !self.stop.is_cancelled() => {}
                outcome => return outcome,
            }
        }
        begin()
    }

    /// Makes the next transaction smaller where that helps: one row's fault must not keep the others, and on a full disk
    /// a small one may still fit.
    fn retreat(&mut self, cause: SqliteError, batch: &[RowId]) -> Result<(), StoreError> {
        match (Fault::of(&cause), batch) {
            (Fault::Constraint | Fault::Full, [_, _, ..]) => {
                self.rows = batch.len() / 4 + 1;
                if Fault::of(&cause) == Fault::Full {
                    restart_wal(&self.deletion.connection, Restart::Shorten);
                }
                Ok(())
            }
            (fault, _) => {
                self.faulty = batch.first().copied().filter(|_| fault == Fault::Constraint);
                Err(cause.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DatabaseConfig, Pragma};
    use crate::domain::FilterText;
    use crate::store::deletion::Deleted;
    use crate::store::open_writer;

    fn delete_all(sql: &str, mut progress: impl FnMut(u64)) -> Deleted {
        let directory = tempfile::tempdir().expect("a directory");
        let sqlite_dir = directory.path().to_owned();
        let sqlite_params = vec![Pragma { name: "foreign_keys".into(), value: "ON".into() }];
        let config = DatabaseConfig { sqlite_dir, sqlite_params, ..DatabaseConfig::default() };
        let database = open_writer(&config).expect("made");
        database.execute_batch(sql).expect("filled");
        let filter: FilterText = "id=>0".parse().expect("a filter");
        let deletion = Deletion::open(&config, &[filter]).expect("opened");
        deletion.run(&CancellationToken::new(), &mut progress).expect("deleted")
    }

    #[test]
    fn slow_rows_make_transactions_of_few_rows() {
        let slow = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp);
            CREATE TRIGGER slow BEFORE DELETE ON Log BEGIN
                SELECT count(*) FROM (SELECT value AS a FROM json_each('[1' || replace(hex(zeroblob(5000)), '0', ',2') || ']'));
            END;
            WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300) INSERT INTO Log SELECT x, x FROM n;";
        let (mut before, mut most) = (0, 0);

        let deleted = delete_all(slow, |now| {
            most = most.max(now - before);
            before = now;
        });

        assert_eq!((deleted.rows, deleted.kept, deleted.is_whole), (300, 0, true));
        assert!(most < 100, "{most} rows in a transaction");
    }

    #[test]
    fn rows_that_refer_to_each_other_go_together() {
        let linked =
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, cause REFERENCES Log (id));
            INSERT INTO Log VALUES (1, 1, NULL), (2, 2, 1)";
        assert_eq!(delete_all(linked, |_| {}).rows, 2);
    }
}
