//! Room on the disk for what is only in the write-ahead log: without it, a log that a reader has kept from being emptied
//! could fill the disk for good, as emptying it makes the database file longer.

use std::path::Path;

use rusqlite::{Connection, Error as SqliteError, ffi};

use super::checkpoint::file_bytes;
use super::disk::free_bytes;

/// For what is written at the same time.
const MARGIN: u64 = 1 << 20;
const KEPT: &str = "what is left is kept for emptying the write-ahead log, which a reader prevents";

/// Refuses to write `bytes` more to the log where the disk could then not take what is in it. Only worth its time while a
/// reader is in the way.
///
/// Errors: a full disk, as SQLite would tell it.
pub(super) fn keep_reserve(
    connection: &Connection,
    database: &Path,
    bytes: u64,
) -> rusqlite::Result<()> {
    let number = |sql| {
        let number: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok::<_, SqliteError>(number.unsigned_abs())
    };
    let grown = number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?);
    let reserve = grown.saturating_sub(file_bytes(database));
    // What is written takes its place in the log now, and in the file later.
    let needed = reserve.saturating_add(bytes.saturating_mul(4)).saturating_add(MARGIN);
    let free = free_bytes(database).unwrap_or(u64::MAX);
    if free < needed {
        let full = ffi::Error::new(ffi::SQLITE_FULL);
        return Err(SqliteError::SqliteFailure(full, Some(KEPT.to_owned())));
    }
    Ok(())
}
