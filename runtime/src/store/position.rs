//! Where each source goes on after a restart: a position that is committed with the entries it covers.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use crate::domain::{Checkpoint, SourceName};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS loglite_checkpoints
    (source TEXT PRIMARY KEY, position BLOB NOT NULL, saved_at TEXT NOT NULL)";
const SAVE: &str = "INSERT INTO loglite_checkpoints (source, position, saved_at)
    VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ON CONFLICT (source) DO UPDATE SET position = excluded.position, saved_at = excluded.saved_at";
const READ: &str = "SELECT position FROM loglite_checkpoints WHERE source = ?1";

/// Makes the table of positions if it is missing.
pub(super) fn create_positions(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(CREATE)
}

/// Replaces the source's position, within the transaction of what it covers.
pub(super) fn save_checkpoint(
    connection: &Connection,
    source: &SourceName,
    checkpoint: &Checkpoint,
) -> rusqlite::Result<()> {
    connection.prepare_cached(SAVE)?.execute((source.as_str(), &checkpoint.0))?;
    Ok(())
}

/// The source's last committed position. The database is one that a [`Store`](super::Store) has opened.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn read_checkpoint(
    connection: &Connection,
    source: &SourceName,
) -> Result<Option<Checkpoint>, StoreError> {
    let mut statement = connection.prepare_cached(READ)?;
    let position = statement.query_row([source.as_str()], |row| row.get(0)).optional()?;
    Ok(position.map(Checkpoint))
}
