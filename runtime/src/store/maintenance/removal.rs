//! Deletes rows by their ids, in chores of a few milliseconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::warn;

use super::log_table::LogTable;
use super::workbench::{Halt, Workbench};
use crate::store::checkpoint::{Restart, restart_wal};
use crate::store::fault::Fault;

/// A chore deletes no further rows after this time.
const LONGEST_CHORE: Duration = Duration::from_millis(2);
/// Rows of a transaction that must be small, as there is hardly any disk left for it.
const FEW_ROWS: usize = 8;
/// The ids of deleted rows are not given out again, also those that another program has given out.
const RAISE_MARK: &str =
    "UPDATE loglite_state SET value = ?1 WHERE name = 'newest_row_id' AND value < ?1";

/// How rows of the log table are deleted.
#[derive(Debug)]
pub(super) struct Remover {
    delete: Arc<str>,
    /// Rows of one transaction at most.
    batch_rows: usize,
    /// It is known that some rows can't be deleted.
    told_of_kept: bool,
}

/// Deletes rows for one reason, which is counted.
pub(super) struct Removal<'a> {
    remover: &'a mut Remover,
    counted: &'a dyn Fn(u64),
}

/// What a chore has done.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    /// How many of the ids it has come to.
    tried: usize,
    deleted: usize,
    /// Rows that a constraint or a trigger of the schema keeps.
    kept: usize,
}

impl Remover {
    pub(super) fn new(table: &LogTable, batch_rows: usize) -> Self {
        Self { delete: Arc::clone(&table.delete), batch_rows, told_of_kept: false }
    }

    /// Deletes for a reason; `counted` hears how many rows.
    pub(super) fn counting<'a>(&'a mut self, counted: &'a dyn Fn(u64)) -> Removal<'a> {
        Removal { remover: self, counted }
    }
}

impl Removal<'_> {
    /// Deletes these rows. Rows that the schema protects stay. Returns how many were there and are gone.
    ///
    /// # Errors
    /// [`Halt`]; some of the rows may be deleted by then.
    pub(super) fn remove(&mut self, bench: &mut Workbench, ids: Vec<i64>) -> Result<u64, Halt> {
        let Remover { delete, batch_rows: most, told_of_kept } = &mut *self.remover;
        let (ids, most): (Arc<[i64]>, _) = (ids.into(), *most);
        let (mut at, mut deleted) = (0, 0);
        while at < ids.len() {
            let (ids, delete) = (Arc::clone(&ids), Arc::clone(delete));
            let counts = bench.metrics().retention.clone();
            let done = bench.chore(move |connection| {
                let ids = ids.get(at..).unwrap_or_default();
                let done = delete_some(connection, &delete, ids.get(..most).unwrap_or(ids))?;
                counts.rows_gone(done.deleted);
                Ok(done)
            })?;
            at += done.tried.max(1);
            deleted += done.deleted as u64;
            (self.counted)(done.deleted as u64);
            if done.kept > 0 && !std::mem::replace(told_of_kept, true) {
                warn!(
                    rows = done.kept,
                    "old rows are kept, as a foreign key or trigger of the schema does not let them go"
                );
            }
        }
        Ok(deleted)
    }
}

fn delete_some(connection: &Connection, sql: &str, ids: &[i64]) -> rusqlite::Result<Done> {
    let cause = match delete_together(connection, sql, ids) {
        Err(cause) => cause,
        done => return done,
    };
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    match Fault::of(&cause) {
        // The log takes what the disk has left. Begun anew, it has room for a small transaction in its own blocks.
        Fault::Full => {
            restart_wal(connection, Restart::Reuse);
            delete_together(connection, sql, ids.get(..FEW_ROWS).unwrap_or(ids))
        }
        // Found at the commit, so that it is not known which row it was.
        Fault::Constraint => delete_one(connection, sql, ids),
        _ => Err(cause),
    }
}

fn delete_together(connection: &Connection, sql: &str, ids: &[i64]) -> rusqlite::Result<Done> {
    let begun = Instant::now();
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    if let Some(newest) = ids.iter().max() {
        connection.prepare_cached(RAISE_MARK)?.execute([newest])?;
    }
    let mut done = Done::default();
    let mut statement = connection.prepare_cached(sql)?;
    for id in ids {
        match statement.execute([id]) {
            Ok(deleted) => done.deleted += deleted,
            // A trigger may have ended the transaction.
            Err(cause) if Fault::of(&cause) != Fault::Constraint || connection.is_autocommit() => {
                return Err(cause);
            }
            Err(_) => done.kept += 1,
        }
        done.tried += 1;
        if begun.elapsed() >= LONGEST_CHORE {
            break;
        }
    }
    drop(statement);
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(done)
}

/// The first row in a transaction of its own.
fn delete_one(connection: &Connection, sql: &str, ids: &[i64]) -> rusqlite::Result<Done> {
    let outcome = delete_together(connection, sql, ids.get(..1).unwrap_or_default());
    match outcome {
        Err(cause) if Fault::of(&cause) == Fault::Constraint => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            Ok(Done { tried: 1, deleted: 0, kept: 1 })
        }
        outcome => outcome,
    }
}
