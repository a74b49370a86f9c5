//! Giving back what deleted rows leave: free pages a few at a time, or all at once by writing the file anew.
//!
//! What `auto_vacuum` says decides: with INCREMENTAL a pass returns pages, with FULL SQLite does at each commit, with NONE
//! the file never shrinks, short of a VACUUM. Nothing here decides which rows go.

mod mode;
mod numbering;
mod pass;
mod rewrite;
mod room;

#[cfg(test)]
mod tests;

pub use mode::AutoVacuum;
pub(super) use mode::change_mode;
pub use numbering::Renumbering;
pub(super) use pass::{Step, Vacuum};
pub use rewrite::{Rewritten, rewrite_database};
pub use room::Shortage;

use rusqlite::Connection;
use tracing::warn;

use crate::config::RetentionConfig;

/// The size of the database by what SQLite knows of it, which the file follows at the next checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pages {
    pub(super) all: u64,
    pub(super) free: u64,
    pub(super) bytes_each: u64,
}

impl Pages {
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            all: Self::count(connection)?,
            free: number(connection, "PRAGMA freelist_count")?,
            bytes_each: number(connection, "PRAGMA page_size")?,
        })
    }

    /// All of them.
    fn count(connection: &Connection) -> rusqlite::Result<u64> {
        number(connection, "PRAGMA page_count")
    }

    /// What rows, indexes and all else take up.
    pub(super) fn used_bytes(self) -> u64 {
        self.all.saturating_sub(self.free) * self.bytes_each
    }

    pub(super) fn free_bytes(self) -> u64 {
        self.free * self.bytes_each
    }
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let number: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(number.unsigned_abs())
}

/// Says at the start that a file can't become smaller, where the configuration bounds it.
pub(super) fn warn_of_none(
    connection: &Connection,
    retention: &RetentionConfig,
) -> rusqlite::Result<()> {
    let is_bounded = *retention != RetentionConfig::default();
    if is_bounded && AutoVacuum::of(connection)? == AutoVacuum::None {
        warn!(
            "old rows are deleted, but the database file does not shrink: its auto_vacuum is NONE; set `auto_vacuum: \
             INCREMENTAL` in `sqlite_params`, which rewrites it once at the next start"
        );
    }
    Ok(())
}
