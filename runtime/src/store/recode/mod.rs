//! Compressing and decompressing the rows that are there, in small transactions, also beside a running service.
//!
//! Nothing is kept of how far the work is: cells tell by themselves whether they are done (`phase`). So the work may end
//! at any point, also by `kill -9`, and the next run finds what is left.

mod batch;
mod check;
mod column_state;
mod error;
mod forget;
mod lookup;
mod phase;
mod scan;
mod tally;
mod target;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use self::batch::Stuck;
use self::column_state::ColumnCells;
pub use self::error::RecodeError;
use self::lookup::Lookup;
pub use self::phase::Direction;
use self::phase::Phase;
pub use self::tally::{ColumnSize, Tally};
use self::target::Target;
use super::checkpoint::{FAR_TOO_LONG, Restart, file_bytes, longest_log, restart_wal, wal_path};
use super::dictionary::{Values, create};
use super::introspect::read_schema;
use super::{DatabaseLock, StoreError, open_beside};
use crate::config::Config;
use crate::domain::{ColumnId, Schema};

/// The right to recode columns of a database; others that would are kept out, a service is not.
#[derive(Debug)]
pub struct Recoding {
    connection: Connection,
    schema: Schema,
    path: PathBuf,
    max_values: u64,
    _lock: DatabaseLock,
}

impl Recoding {
    /// Opens the existing database beside whoever uses it.
    ///
    /// # Errors
    /// [`RecodeError::InUse`] when another command recodes, [`RecodeError::Store`] when the database can't be used.
    pub fn open(config: &Config) -> Result<Self, RecodeError> {
        let database = &config.database;
        let connection = open_beside(database)?;
        let lock =
            DatabaseLock::acquire_recoding(&database.sqlite_dir).map_err(|error| match error {
                StoreError::InUse { pid, .. } => RecodeError::InUse { pid },
                error => error.into(),
            })?;
        let schema = read_schema(&connection, database)?;
        let max_values = config.compression.max_values;
        Ok(Self { connection, schema, path: database.path(), max_values, _lock: lock })
    }

    /// The column of this name, in any case, if it can be recoded. Changes nothing.
    ///
    /// # Errors
    /// A [`RecodeError`] that says why it can't be.
    pub fn column(&self, name: &str, direction: Direction) -> Result<ColumnId, RecodeError> {
        let id = check::find(&self.schema, name)?;
        let target = Target::new(&self.schema, id);
        match direction {
            Direction::Compress => {
                check::can_hold_ids(&self.connection, &self.schema, &target, self.max_values)?;
            }
            Direction::Decompress => {
                check::may_hold_ids(&self.schema, &target)?;
                check::triggers(&self.connection, &target)?;
            }
        }
        Ok(id)
    }

    /// The name of a column, as the migrations wrote it.
    #[must_use]
    pub fn name(&self, column: ColumnId) -> &str {
        &self.schema.column(column).name
    }

    /// What the column's cells take up, by a sample of the rows.
    ///
    /// # Errors
    /// [`RecodeError::Store`] when the database can't be read.
    pub fn estimate(&self, column: ColumnId) -> Result<ColumnSize, RecodeError> {
        let target = Target::new(&self.schema, column);
        tally::estimate(&self.connection, &target, self.max_values)
    }

    /// How many values the column's dictionary has, and how many bytes they are.
    ///
    /// # Errors
    /// [`RecodeError::Store`] when the database can't be read.
    pub fn dictionary_size(&self, column: ColumnId) -> Result<(u64, u64), RecodeError> {
        Ok(column_state::dictionary_size(&self.connection, self.name(column))?)
    }

    /// Whether a service that runs has stored values meanwhile as it does in a compressed column.
    ///
    /// # Errors
    /// [`RecodeError::Store`] when the database can't be read.
    pub fn is_compressed_again(&self, column: ColumnId) -> Result<bool, RecodeError> {
        let cells = column_state::read(&self.connection, self.name(column))?;
        Ok(cells != ColumnCells::Plain)
    }

    /// Begins to recode a column, or goes on where it was left.
    ///
    /// # Errors
    /// [`RecodeError::Store`] when the database can't be written.
    pub fn start(
        &self,
        column: ColumnId,
        direction: Direction,
    ) -> Result<Recoder<'_>, RecodeError> {
        let target = Target::new(&self.schema, column);
        let mut recoder = Recoder {
            connection: &self.connection,
            path: &self.path,
            max_values: self.max_values,
            direction,
            phase: None,
            position: i64::MIN,
            ends: None,
            batch_rows: batch::FIRST_ROWS,
            values: None,
            data_version: -1,
            lookup: Lookup::default(),
            stuck: Stuck::default(),
            tally: Tally::new(&self.connection, &self.schema, &target)?,
            target,
        };
        recoder.begin().map_err(|error| recoder.located(error))?;
        Ok(recoder)
    }
}

/// One column on its way.
#[derive(Debug)]
pub struct Recoder<'r> {
    connection: &'r Connection,
    path: &'r std::path::Path,
    target: Target,
    direction: Direction,
    max_values: u64,
    /// None at the end.
    phase: Option<Phase>,
    /// The last row that the phase has seen.
    position: i64,
    /// The first and the last row when the phase began.
    ends: Option<(i64, i64)>,
    batch_rows: usize,
    values: Option<Values>,
    data_version: i64,
    lookup: Lookup,
    stuck: Stuck,
    tally: Tally,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Rows were read only; nobody had to wait.
    Read,
    /// The writing lock was held so long. Leave it to others for at least as long.
    Wrote(Duration),
    /// Another connection has the writing lock, or readers keep the write-ahead log from being emptied.
    Blocked,
    /// There is nothing left to do.
    Done,
}

/// Where the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What is done to the rows, such as `compressed`.
    pub what: &'static str,
    /// Row ids that were passed.
    pub done: u64,
    /// Row ids there were when this walk began.
    pub total: u64,
}

impl Recoder<'_> {
    /// Does a little of the work: a few milliseconds, so that a service beside keeps its pace.
    ///
    /// # Errors
    /// [`RecodeError::Store`]; what was done before stays. [`RecodeError::Stuck`] when the end is reached, but for rows
    /// that can't be changed.
    pub fn step(&mut self) -> Result<Step, RecodeError> {
        let Some(phase) = self.phase else { return Ok(Step::Done) };
        if !self.log_has_room() {
            return Ok(Step::Blocked);
        }
        let stuck = self.stuck.clone();
        let outcome = match phase {
            Phase::Forget => self.forget(),
            _ if !self.skip_done(phase)? => return Ok(Step::Read),
            _ => self.batch(phase),
        };
        outcome.or_else(|error| {
            // Nothing of the transaction is there.
            (self.values, self.stuck) = (None, stuck);
            match self.located(error) {
                RecodeError::Store(StoreError::Locked { .. }) => Ok(Step::Blocked),
                error => Err(error),
            }
        })
    }

    /// The same, with the path of the database where the error concerns the file.
    fn located(&self, error: RecodeError) -> RecodeError {
        match error {
            RecodeError::Store(error) => error.located(self.path).into(),
            error => error,
        }
    }

    /// Where the work is; none at the end.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let what = self.phase?.verb();
        let Some((first, last)) = self.ends else {
            return Some(Place { what, done: 0, total: 0 });
        };
        let passed = |id: i64| id.max(first.saturating_sub(1)).saturating_sub(first) as u64 + 1;
        if self.position < first {
            return Some(Place { what, done: 0, total: passed(last) });
        }
        Some(Place { what, done: passed(self.position), total: passed(last) })
    }

    /// What was done so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Makes loglite's tables where they are missing, and finds the first phase.
    fn begin(&mut self) -> Result<(), RecodeError> {
        let cells = column_state::read(self.connection, &self.target.name)?;
        if self.direction == Direction::Decompress
            && cells == ColumnCells::Plain
            && !column_state::exists(self.connection, &self.target.name)?
        {
            return Ok(());
        }
        let transaction = batch::immediate(self.connection)?;
        create(&transaction)?;
        column_state::add(&transaction, &self.target.name)?;
        transaction.commit()?;
        self.enter_next_phase()
    }

    /// Finds out which phase comes next, and puts the column into the state that the phase needs.
    fn enter_next_phase(&mut self) -> Result<(), RecodeError> {
        let transaction = batch::immediate(self.connection)?;
        let cells = column_state::read(&transaction, &self.target.name)?;
        let next = Phase::next(self.direction, cells);
        if let Some(phase) = next {
            column_state::save(&transaction, &self.target.name, phase.during())?;
        }
        transaction.commit()?;
        (self.phase, self.position, self.values) = (next, i64::MIN, None);
        self.ends = self.target.ends(self.connection)?;
        Ok(())
    }

    /// Empties the write-ahead log when it is long: while no service runs, nobody else does.
    fn log_has_room(&self) -> bool {
        let length = file_bytes(&wal_path(self.path));
        let longest = longest_log(self.path);
        length <= longest
            || restart_wal(self.connection, Restart::Shorten)
            || length <= longest.saturating_mul(FAR_TOO_LONG)
    }
}
