//! What a database holds and what it takes: for `loglite stats`, read-only and beside a running service.
//!
//! Bounded in time: what is large is sampled, and what is estimated says so. Each statement sees a snapshot of its own,
//! so that none holds up the checkpoints of a running service for long; under ingest the numbers are a moment apart.
//!
//! The structs are what `--json` prints: their fields are added to, not renamed.

mod column;
mod compressed;
mod estimate;
mod gain;
mod objects;
mod outlook;
mod sample;
mod size;
mod space;
mod tally;
mod time;
mod timeline;

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use self::column::Bounds;
pub use self::column::{Certainty, ColumnCompression, ColumnReport, Distinct};
pub use self::objects::ObjectKind;
pub use self::outlook::Outlook;
pub use self::space::{ObjectSize, Space};
pub use self::timeline::{DayCount, Timeline};
use super::StoreError;
use super::connection::{open_reader, refuse_partitions};
use super::introspect::read_schema;
use crate::config::Config;
use crate::domain::{Schema, quote_identifier};

/// How thoroughly the database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// In bounded time: of a large table, rows from all parts of it; of a large file, its smaller tables and indexes.
    Sample,
    /// Every row and every page.
    Exact,
}

/// What is being read, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// This many rows of so many.
    Rows(u64, u64),
    /// This many pages of so many.
    Pages(u64, u64),
}

/// A database and its log table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// When it was looked at.
    #[serde(serialize_with = "time::write")]
    pub time: Timestamp,
    /// The database file.
    pub database: PathBuf,
    /// The log table.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many rows were looked at; what is said of days and columns is estimated from them when they are fewer.
    pub rows_read: u64,
    /// What takes how much of the file.
    pub space: Space,
    /// When entries were written.
    pub entries: Timeline,
    /// The columns in declared order.
    pub columns: Vec<ColumnReport>,
    /// What retention has before it.
    pub retention: Outlook,
}

/// Looks at the configured database. Blocks: seconds with [`Depth::Sample`].
///
/// # Errors
/// [`StoreError::Absent`] when there is none, and whatever makes the table unfit for a log.
pub fn measure(
    config: &Config,
    depth: Depth,
    progress: &mut dyn FnMut(Step),
) -> Result<Report, StoreError> {
    let path = config.database.path();
    measure_unlocated(config, depth, progress).map_err(|error| error.located(&path))
}

fn measure_unlocated(
    config: &Config,
    depth: Depth,
    progress: &mut dyn FnMut(Step),
) -> Result<Report, StoreError> {
    let connection = open_reader(&config.database)?;
    let path = config.database.path();
    refuse_partitions(&connection, &path)?;
    let schema = read_schema(&connection, &config.database)?;
    let time = Timestamp::now();
    let rows = count_rows(&connection, &schema)?;
    let read = sample::read(&connection, &schema, (rows, depth), progress)?;
    let space = space::read(&connection, &path, (&schema, &read), depth, progress)?;
    let entries = timeline::of(&connection, &schema, &read, time)?;
    let bounds = Bounds { used_bytes: space.used_bytes, max_values: config.compression.max_values };
    let columns = column::reports(&connection, &schema, &read, bounds)?;
    let retention = outlook::of(&config.retention, &space, &entries, rows);
    let table = schema.table().to_owned();
    let rows_read = read.rows_read;
    Ok(Report { time, database: path, table, rows, rows_read, space, entries, columns, retention })
}

/// SQLite walks the smallest index for it.
fn count_rows(connection: &Connection, schema: &Schema) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", quote_identifier(schema.table()));
    number(connection, &sql)
}

/// The one number that a query gives, which is not below 0.
fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))?.cast_unsigned())
}
