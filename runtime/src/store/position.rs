//! Where each source goes on after a restart: a position that is committed with the entries it covers.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use crate::domain::{Checkpoint, CheckpointKey, SourceName};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS loglite_checkpoints
    (source TEXT PRIMARY KEY, position BLOB NOT NULL, saved_at TEXT NOT NULL)";
const SAVE: &str = "INSERT INTO loglite_checkpoints (source, position, saved_at)
    VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ON CONFLICT (source) DO UPDATE SET position = excluded.position, saved_at = excluded.saved_at";
const DELETE: &str = "DELETE FROM loglite_checkpoints WHERE source = ?1";
const READ: &str = "SELECT position FROM loglite_checkpoints WHERE source = ?1";
const READ_INPUTS: &str = "SELECT source, position FROM loglite_checkpoints
    WHERE substr(source, 1, length(?1)) = ?1 ORDER BY source";

/// Makes the table of positions if it is missing.
pub(super) fn create_positions(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(CREATE)
}

/// Replaces a position, or forgets it, within the transaction of what it covers.
pub(super) fn save_checkpoint(
    connection: &Connection,
    key: &CheckpointKey,
    checkpoint: Option<&Checkpoint>,
) -> rusqlite::Result<()> {
    match checkpoint {
        Some(checkpoint) => {
            connection.prepare_cached(SAVE)?.execute((key.as_str(), &checkpoint.0))?
        }
        None => connection.prepare_cached(DELETE)?.execute([key.as_str()])?,
    };
    Ok(())
}

/// The last committed positions of the inputs of a source, by key.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn read_input_checkpoints(
    connection: &Connection,
    source: &SourceName,
) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
    let mut statement = connection.prepare_cached(READ_INPUTS)?;
    let rows = statement.query_map([CheckpointKey::prefix(source)], |row| {
        Ok((CheckpointKey::from(row.get::<_, String>(0)?), Checkpoint(row.get(1)?)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
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
