//! Which rows a commit fails for: a deferred constraint is checked only there, and names no row.
//!
//! Rows are tried in transactions that can't commit, so a delivery is still written once, and whole.

use rusqlite::{Connection, Error as SqliteError, ffi};

use super::committer::Committer;
use super::insert::reason;
use super::part::Part;
use super::{Delivery, Fault};
use crate::domain::{Receipt, Refusal, RowBatch};

/// Rows that are inserted only as neighbours of those that are tried; past this many each part is tried alone. It bounds
/// how long one delivery holds the writer.
const NEIGHBOURS: usize = 20_000;

impl Committer {
    /// Commits one delivery in a transaction of its own, without the rows that the commit would fail for.
    pub(super) fn write_apart(&mut self, delivery: &Delivery) -> rusqlite::Result<Receipt> {
        let mut excluded = Vec::new();
        let mut outcome = self.write(&[delivery], Vec::new());
        if is_constraint(&outcome) {
            excluded = self.faulty_rows(&delivery.rows)?;
            outcome = self.write(&[delivery], vec![excluded.clone()]);
        }
        if let Err(cause) = &outcome
            && is_constraint(&outcome)
        {
            // Rows that only fail together, such as by a trigger that counts: which of them to leave out is not ours to say.
            excluded.extend(Part::whole(&delivery.rows).refusals(&reason(cause)));
            excluded.sort_by_key(|refusal| refusal.index);
            excluded.dedup_by_key(|refusal| refusal.index);
            outcome = self.write(&[delivery], vec![excluded]);
        }
        outcome.map(|receipts| receipts.into_iter().next().unwrap_or_default())
    }

    /// Finds the rows by trying ever smaller parts, where rows depend on others together with those that are sound.
    fn faulty_rows(&mut self, rows: &RowBatch) -> rusqlite::Result<Vec<Refusal>> {
        let mut faulty = Vec::new();
        let mut sound: Vec<Part<'_>> = Vec::new();
        let mut untried = vec![Part::whole(rows)];
        let mut neighbours = 0;
        while let Some(part) = untried.pop() {
            let known = if neighbours < NEIGHBOURS { sound.as_slice() } else { &[] };
            neighbours += known.iter().map(Part::len).sum::<usize>();
            let parts: Vec<_> = known.iter().chain([&part]).cloned().collect();
            match (self.try_commit(&parts)?, part.halves()) {
                (None, _) if self.rows_depend => sound.push(part),
                (None, _) => {}
                (Some(_), Some([first, second])) => untried.extend([second, first]),
                (Some(cause), None) => faulty.extend(part.refusals(&reason(&cause))),
            }
        }
        faulty.sort_by_key(|refusal: &Refusal| refusal.index);
        Ok(faulty)
    }

    /// The constraint that a commit of these rows fails for, if there is one. Nothing is stored in any case.
    fn try_commit(&mut self, parts: &[Part<'_>]) -> rusqlite::Result<Option<SqliteError>> {
        let before = self.row_ids.newest();
        // SQLite asks the hook after it has checked the constraints, and rolls back when it says true.
        self.connection.commit_hook(Some(|| true))?;
        let outcome = self.insert_and_commit(parts);
        self.take_back(before);
        self.connection.commit_hook(None::<fn() -> bool>)?;
        match outcome {
            Err(cause) if is_veto(&cause) => Ok(None),
            Err(cause) if Fault::of(&cause) == Fault::Constraint => Ok(Some(cause)),
            // The hook leaves no way to succeed.
            other => other.map(|()| None),
        }
    }

    fn insert_and_commit(&mut self, parts: &[Part<'_>]) -> rusqlite::Result<()> {
        let mut excluded = vec![Vec::new(); parts.len()];
        loop {
            begin(&self.connection)?;
            if self.insert(parts, &mut excluded)?.is_some() {
                return self.connection.prepare_cached("COMMIT")?.raw_execute().map(|_| ());
            }
        }
    }
}

fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.raw_execute().map(|_| ())
}

fn is_constraint(outcome: &rusqlite::Result<Vec<Receipt>>) -> bool {
    outcome.as_ref().is_err_and(|cause| Fault::of(cause) == Fault::Constraint)
}

fn is_veto(error: &SqliteError) -> bool {
    matches!(error, SqliteError::SqliteFailure(code, _)
        if code.extended_code == ffi::SQLITE_CONSTRAINT_COMMITHOOK)
}
