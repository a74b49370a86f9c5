//! The writer's side of the dead letters: written, settled and kept within bounds in the transactions of the entries.
//!
//! The totals are rows of `loglite_state` that triggers of the table keep, so they are exact whoever deletes letters:
//! another process, or a user with SQLite's shell.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use tracing::warn;

use crate::config::DeadLettersConfig;
use crate::domain::{DeadLetter, LetterTotals};
use crate::metrics::Metrics;

const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS loglite_dead_letters (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL,
        entry TEXT NOT NULL);
    INSERT OR IGNORE INTO loglite_state (name, value)
        SELECT 'dead_letters', count(*) FROM loglite_dead_letters
        WHERE NOT EXISTS (SELECT 1 FROM loglite_state WHERE name = 'dead_letters');
    INSERT OR IGNORE INTO loglite_state (name, value)
        SELECT 'dead_letter_bytes', coalesce(sum(length(CAST(source || reason || entry AS BLOB))), 0)
        FROM loglite_dead_letters
        WHERE NOT EXISTS (SELECT 1 FROM loglite_state WHERE name = 'dead_letter_bytes');
    CREATE TRIGGER IF NOT EXISTS loglite_letter_comes AFTER INSERT ON loglite_dead_letters BEGIN
        UPDATE loglite_state SET value = value + 1 WHERE name = 'dead_letters';
        UPDATE loglite_state SET value = value + length(CAST(new.source || new.reason || new.entry AS BLOB))
            WHERE name = 'dead_letter_bytes';
    END;
    CREATE TRIGGER IF NOT EXISTS loglite_letter_goes AFTER DELETE ON loglite_dead_letters BEGIN
        UPDATE loglite_state SET value = value - 1 WHERE name = 'dead_letters';
        UPDATE loglite_state SET value = value - length(CAST(old.source || old.reason || old.entry AS BLOB))
            WHERE name = 'dead_letter_bytes';
    END;";
const INSERT: &str = "INSERT INTO loglite_dead_letters (time, source, reason, entry)
    VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?1, ?2, ?3)";
const EXISTS: &str = "SELECT 1 FROM loglite_dead_letters WHERE id = ?1";
const DELETE: &str = "DELETE FROM loglite_dead_letters WHERE id = ?1";
const DELETE_OLDEST: &str =
    "DELETE FROM loglite_dead_letters WHERE id = (SELECT min(id) FROM loglite_dead_letters)";
const DELETE_OLD: &str =
    "DELETE FROM loglite_dead_letters WHERE id = (SELECT min(id) FROM loglite_dead_letters)
    AND time < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1)";
const TOTAL: &str = "SELECT value FROM loglite_state WHERE name = ?1";

/// Letters that one transaction deletes beyond as many as it writes: bounds may have been lowered by far.
const STEP: u64 = 500;
/// Between two looks at the oldest letter's age, and between two warnings.
const MINUTE: Duration = Duration::from_secs(60);

/// Writes dead letters and keeps them within bounds.
#[derive(Debug)]
pub(super) struct LetterBox {
    bounds: DeadLettersConfig,
    metrics: Metrics,
    looked_at: Instant,
    warned_at: Option<Instant>,
    /// Letters deleted since the last warning.
    untold: u64,
}

/// What a transaction does to the letters; counted once it is committed.
#[derive(Debug, Default)]
pub(super) struct LetterChanges {
    written: u64,
    answered: u64,
    purged: u64,
    kept: Option<LetterTotals>,
}

impl LetterBox {
    /// Makes the table if it is missing, and brings it within its bounds. `loglite_state` must be there.
    pub(super) fn open(
        connection: &mut Connection,
        bounds: DeadLettersConfig,
        metrics: Metrics,
    ) -> rusqlite::Result<Self> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(CREATE)?;
        transaction.commit()?;
        let mut this =
            Self { bounds, metrics, looked_at: Instant::now(), warned_at: None, untold: 0 };
        loop {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut changes = LetterChanges::default();
            this.bound(&transaction, &mut changes)?;
            transaction.commit()?;
            let is_done = changes.purged == 0;
            this.note(&changes);
            if is_done {
                return Ok(this);
            }
        }
    }

    /// Writes a letter.
    pub(super) fn write(
        &self,
        connection: &Connection,
        letter: &DeadLetter,
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<()> {
        let texts = (letter.source.as_str(), letter.reason.as_str(), letter.entry.as_str());
        connection.prepare_cached(INSERT)?.execute(texts)?;
        changes.written += 1;
        Ok(())
    }

    /// Deletes the letters with these numbers, or says which of them is gone and deletes none.
    pub(super) fn answer(
        &self,
        connection: &Connection,
        ids: &[i64],
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<Result<(), i64>> {
        for id in ids {
            if !connection.prepare_cached(EXISTS)?.exists([id])? {
                return Ok(Err(*id));
            }
        }
        for id in ids {
            let deleted = connection.prepare_cached(DELETE)?.execute([id])?;
            changes.answered += deleted as u64;
        }
        Ok(Ok(()))
    }

    /// Deletes the oldest letters past the bounds, if there is a reason to look.
    pub(super) fn keep_bounds(
        &self,
        connection: &Connection,
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<()> {
        if changes.written + changes.answered == 0 && self.looked_at.elapsed() < MINUTE {
            return Ok(());
        }
        self.bound(connection, changes)
    }

    fn bound(&self, connection: &Connection, changes: &mut LetterChanges) -> rusqlite::Result<()> {
        let most = changes.written.saturating_add(STEP);
        let age = format!("-{} seconds", self.bounds.max_age.as_secs());
        let mut old = connection.prepare_cached(DELETE_OLD)?;
        while changes.purged < most && old.execute([&age])? > 0 {
            changes.purged += 1;
        }
        let mut oldest = connection.prepare_cached(DELETE_OLDEST)?;
        let mut kept = letter_totals(connection)?;
        while changes.purged < most && self.is_past(kept) && oldest.execute([])? > 0 {
            changes.purged += 1;
            kept = letter_totals(connection)?;
        }
        changes.kept = Some(kept);
        Ok(())
    }

    fn is_past(&self, kept: LetterTotals) -> bool {
        kept.count > self.bounds.max_count || kept.bytes > self.bounds.max_size.0
    }

    /// Counts what a transaction has done, once it is committed, and warns of letters that are lost.
    pub(super) fn note(&mut self, changes: &LetterChanges) {
        let Some(kept) = changes.kept else { return };
        self.looked_at = Instant::now();
        self.metrics.dead_letters_kept.set(i64::try_from(kept.count).unwrap_or(i64::MAX));
        self.metrics.dead_letters_written.inc_by(changes.written);
        self.metrics.dead_letters_replayed.inc_by(changes.answered);
        self.metrics.dead_letters_purged.inc_by(changes.purged);
        self.untold += changes.purged;
        if self.untold > 0 && self.warned_at.is_none_or(|at| at.elapsed() >= MINUTE) {
            warn!(
                deleted = self.untold,
                kept = kept.count,
                "the oldest dead letters are deleted; `dead_letters_max_count`, `dead_letters_max_size` and \
                 `dead_letters_max_days` bound them"
            );
            self.untold = 0;
            self.warned_at = Some(Instant::now());
        }
    }
}

/// How many letters are kept. Nothing is counted: the totals are kept.
pub(super) fn letter_totals(connection: &Connection) -> rusqlite::Result<LetterTotals> {
    let mut statement = connection.prepare_cached(TOTAL)?;
    let mut total = |name: &str| -> rusqlite::Result<u64> {
        let value = statement.query_row([name], |row| row.get::<_, i64>(0)).optional()?;
        Ok(u64::try_from(value.unwrap_or(0)).unwrap_or(0))
    };
    Ok(LetterTotals { count: total("dead_letters")?, bytes: total("dead_letter_bytes")? })
}
