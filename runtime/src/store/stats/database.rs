//! How large the database is: read on the writing connection, at next to no cost.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::store::checkpoint::{file_bytes, wal_path};
use crate::store::disk::free_bytes;

/// The sizes of the database at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Of all its pages.
    pub(super) pages: i64,
    /// Of those pages that hold nothing.
    pub(super) free_pages: i64,
    /// Of the write-ahead log's file.
    pub(super) log: u64,
    /// What the disk has left for us; none where the system doesn't tell.
    pub(super) disk: Option<u64>,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn sizes(&self, connection: &Connection) -> rusqlite::Result<Sizes> {
        let pragma =
            |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
        let page = pragma("PRAGMA page_size")?;
        Ok(Sizes {
            pages: pragma("PRAGMA page_count")?.saturating_mul(page),
            free_pages: pragma("PRAGMA freelist_count")?.saturating_mul(page),
            log: file_bytes(&wal_path(&self.0)),
            disk: free_bytes(&self.0),
        })
    }
}
