//! What the database says about its migrations: the tables of the earlier generations, unchanged, and one of ours.

use rusqlite::Connection;

use super::checksum::checksum;
use crate::config::Migration;
use crate::store::StoreError;

/// `loglite_migrations` tells what text a version had when this generation applied it. `applied_at` repeats that of
/// `versions`: where they differ, an earlier generation has applied the version anew.
const CREATE_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS versions (
        version INTEGER PRIMARY KEY,
        applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE IF NOT EXISTS column_dictionary (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        column TEXT NOT NULL,
        value_id INTEGER NOT NULL,
        value JSON
    );
    CREATE TABLE IF NOT EXISTS loglite_migrations (
        version INTEGER PRIMARY KEY,
        checksum TEXT NOT NULL,
        applied_at TIMESTAMP
    );";

/// A version that the database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) version: i64,
    /// UTC, as SQLite writes it.
    pub(super) applied_at: String,
    /// The fingerprint of the text that was applied, if this generation applied it.
    pub(super) checksum: Option<String>,
}

/// Makes the bookkeeping tables that are missing.
///
/// # Errors
/// [`StoreError::Sqlite`] when the database can't be written.
pub fn ensure_bookkeeping(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    create_tables(&transaction)?;
    Ok(transaction.commit()?)
}

pub(super) fn create_tables(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(CREATE_TABLES)?)
}

/// The versions that the database has, rising. Tables that are not there yet count as empty.
pub(super) fn applied(connection: &Connection) -> Result<Vec<Applied>, StoreError> {
    if !connection.table_exists(None, "versions")? {
        return Ok(Vec::new());
    }
    let sql = if connection.table_exists(None, "loglite_migrations")? {
        "SELECT version, coalesce(versions.applied_at, ''), checksum
         FROM versions LEFT JOIN loglite_migrations AS ours USING (version, applied_at) ORDER BY version"
    } else {
        "SELECT version, coalesce(applied_at, ''), NULL FROM versions ORDER BY version"
    };
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Applied { version: row.get(0)?, applied_at: row.get(1)?, checksum: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn mark_applied(
    connection: &Connection,
    migration: &Migration,
) -> Result<(), StoreError> {
    connection.execute("INSERT INTO versions (version) VALUES (?1)", [migration.version])?;
    connection.execute(
        "INSERT OR REPLACE INTO loglite_migrations (version, checksum, applied_at)
         SELECT version, ?2, applied_at FROM versions WHERE version = ?1",
        rusqlite::params![migration.version, checksum(migration)],
    )?;
    Ok(())
}

pub(super) fn unmark(connection: &Connection, version: i64) -> Result<(), StoreError> {
    connection.execute("DELETE FROM versions WHERE version = ?1", [version])?;
    connection.execute("DELETE FROM loglite_migrations WHERE version = ?1", [version])?;
    Ok(())
}
