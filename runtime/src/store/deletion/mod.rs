//! Deletes rows by a filter, beside a running service or without one: `loglite delete`.
//!
//! It writes through a connection of its own, in transactions of some milliseconds with pauses between them, so that the
//! service's writer gets its turn. Rows are found by reading, before the transaction: a filter that few rows pass holds no
//! lock while it looks for them.
//!
//! Invariants: only rows that were there at the start are deleted, and no row id is used again (`row_ids`).

mod batch;
mod error;
mod survey;

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use self::batch::Batches;
pub use self::error::DeleteError;
pub use self::survey::Survey;
use super::checkpoint::{Restart, file_bytes, longest_log, restart_wal, wal_path};
use super::introspect::{read_schema, read_traits};
use super::row_ids::newest_in_table;
use super::scan::Scan;
pub use super::vacuum::AutoVacuum;
use super::vacuum::Pages;
use super::{BadFilter, StoreError, open_beside, open_reader};
use crate::config::DatabaseConfig;
use crate::domain::{Filter, FilterText, RowId, Schema};

/// A pause is as long as the transaction before it, but no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Rows that are to be deleted.
#[derive(Debug)]
pub struct Deletion {
    connection: Connection,
    path: PathBuf,
    schema: Schema,
    filters: Vec<Filter>,
    /// Newer rows came after the start.
    newest: RowId,
    keeps_row_ids: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Rows that are deleted.
    pub rows: u64,
    /// Rows that a trigger of the table has kept.
    pub kept: u64,
    /// Whether all rows were looked at: it was not asked to stop.
    pub is_whole: bool,
    /// What is free in the database file now, in bytes.
    pub free_bytes: u64,
    /// How the database gives free pages back.
    pub auto_vacuum: AutoVacuum,
}

impl Deletion {
    /// Opens the database for deleting the rows that pass all `filters`.
    ///
    /// # Errors
    /// [`StoreError`] when it can't be opened or written, or [`StoreError::Filter`].
    pub fn open(config: &DatabaseConfig, filters: &[FilterText]) -> Result<Self, StoreError> {
        Self::on(open_beside(config)?, config, filters)
    }

    /// Opens the database for a [`Survey`] only.
    ///
    /// # Errors
    /// As [`Deletion::open`].
    pub fn open_dry(config: &DatabaseConfig, filters: &[FilterText]) -> Result<Self, StoreError> {
        Self::on(open_reader(config)?, config, filters)
    }

    fn on(
        connection: Connection,
        config: &DatabaseConfig,
        filters: &[FilterText],
    ) -> Result<Self, StoreError> {
        let schema = read_schema(&connection, config)?;
        let mut resolved = Vec::new();
        for filter in filters {
            let bad = |cause| BadFilter {
                whose: "the filter".to_owned(),
                text: filter.as_str().to_owned(),
                cause,
            };
            resolved.extend(filter.resolve(&schema).map_err(bad)?);
        }
        let keeps_row_ids = read_traits(&connection, &schema)?.autoincrement;
        let newest = newest_in_table(&connection, &schema)?.unwrap_or(RowId(i64::MIN));
        let path = config.path();
        Ok(Self { connection, path, schema, filters: resolved, newest, keeps_row_ids })
    }

    /// The log table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        self.schema.table()
    }

    /// Counts the rows. Blocks as long as a query for all of them.
    ///
    /// # Errors
    /// [`StoreError`] when they can't be read.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        survey::survey(&self.connection, &self.schema, &self.filters, self.newest)
            .map_err(|error| error.located(&self.path))
    }

    /// Deletes the rows, oldest id first, until none is left or `stop` is cancelled. Tells after each transaction how
    /// many are deleted. Blocks.
    ///
    /// # Errors
    /// [`DeleteError`] with what was deleted until then; that stays deleted.
    pub fn run(
        &self,
        stop: &CancellationToken,
        progress: impl FnMut(u64),
    ) -> Result<Deleted, DeleteError> {
        let mut batches = Batches::new(self, stop, progress);
        let outcome = self.delete_all(&mut batches);
        let (rows, kept, row) = (batches.deleted, batches.kept, batches.faulty);
        let located =
            |error: StoreError| DeleteError { rows, row, cause: error.located(&self.path).into() };
        let is_whole = outcome.map_err(located)?;
        let (free_bytes, auto_vacuum) = self.free().map_err(|error| located(error.into()))?;
        Ok(Deleted { rows, kept, is_whole, free_bytes, auto_vacuum })
    }

    /// Returns whether it came to the end.
    fn delete_all(&self, batches: &mut Batches<'_, impl FnMut(u64)>) -> Result<bool, StoreError> {
        let scan = Scan::new(self.filters.clone());
        let mut from = RowId(i64::MIN);
        while !batches.stop.is_cancelled() {
            let Some(chunk) = scan.look(&self.connection, &self.schema, (from, self.newest))?
            else {
                return Ok(true);
            };
            let ids: Vec<_> = chunk.matches.iter().map(|row| row.id).collect();
            batches.delete(&ids)?;
            if chunk.last >= self.newest {
                return Ok(!batches.stop.is_cancelled());
            }
            from = RowId(chunk.last.0 + 1);
        }
        Ok(false)
    }

    /// Keeps the write-ahead log short also when no service does.
    fn bound_log(&self) {
        if file_bytes(&wal_path(&self.path)) > longest_log(&self.path) {
            restart_wal(&self.connection, Restart::Shorten);
        }
    }

    fn free(&self) -> rusqlite::Result<(u64, AutoVacuum)> {
        Ok((Pages::of(&self.connection)?.free_bytes(), AutoVacuum::of(&self.connection)?))
    }
}

/// Leaves the writer its turn.
#[expect(clippy::disallowed_methods, reason = "the thread of a command has nothing else to do")]
fn pause(took: Duration) {
    std::thread::sleep(took.min(LONGEST_PAUSE));
}
