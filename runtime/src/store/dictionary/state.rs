//! What is known of each column that is or was compressed.

use rusqlite::Connection;

use crate::domain::{ColumnId, Schema};

/// One row per column, kept once the column is no longer compressed: its ids are not used again. `value_count` and
/// `value_bytes` say how large the column's dictionary is. Who adds or deletes values keeps them right in the same
/// transaction ([`Values`](super::values::Values) does).
const CREATE: &str = "CREATE TABLE IF NOT EXISTS loglite_compression (
    column TEXT PRIMARY KEY,
    holds_ids INTEGER NOT NULL,
    holds_values INTEGER NOT NULL,
    next_value_id INTEGER NOT NULL,
    value_count INTEGER NOT NULL DEFAULT 0,
    value_bytes INTEGER NOT NULL DEFAULT 0
)";
/// As the earlier generations make it.
const CREATE_DICTIONARY: &str = "CREATE TABLE IF NOT EXISTS column_dictionary (
    id INTEGER PRIMARY KEY AUTOINCREMENT, column TEXT NOT NULL, value_id INTEGER NOT NULL, value JSON
)";
/// Theirs has none; a dictionary may hold one value several times, so they can't be unique.
const INDEX_VALUES: &str =
    "CREATE INDEX IF NOT EXISTS loglite_dictionary_values ON column_dictionary (column, value)";
const INDEX_IDS: &str =
    "CREATE INDEX IF NOT EXISTS loglite_dictionary_ids ON column_dictionary (column, value_id)";

const EXISTS: &str = "SELECT 1 FROM sqlite_master WHERE name = 'loglite_compression'";
/// The column goes on behind the ids that the dictionary has.
const ADD: &str =
    "INSERT INTO loglite_compression (column, holds_ids, holds_values, next_value_id, value_count, value_bytes)
    SELECT ?1, ?2, ?3, coalesce(max(value_id), 0) + 1, count(*),
        coalesce(sum(length(CAST(value AS BLOB))), 0)
    FROM column_dictionary WHERE column = ?1
    ON CONFLICT (column) DO NOTHING";

/// How the cells of a column are to be read, as of one snapshot of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct ColumnState {
    pub(in crate::store) column: ColumnId,
    /// Whether integers in the column are ids.
    pub(in crate::store) holds_ids: bool,
    /// Whether there may be values that stand for themselves. Filters must look at them, too.
    pub(in crate::store) holds_values: bool,
}

/// Makes the tables and indexes where they are missing.
pub(in crate::store) fn create(connection: &Connection) -> rusqlite::Result<()> {
    [CREATE, CREATE_DICTIONARY, INDEX_VALUES, INDEX_IDS]
        .into_iter()
        .try_for_each(|sql| connection.execute_batch(sql))
}

/// Whether the table of states is there.
pub(in crate::store) fn has_states(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached(EXISTS)?.exists([])
}

/// Gives the column a state, if it has none, that fits its entries of the dictionary.
pub(in crate::store) fn add_state(
    connection: &Connection,
    column: &str,
    (holds_ids, holds_values): (bool, bool),
) -> rusqlite::Result<()> {
    connection.execute(ADD, (column, holds_ids, holds_values))?;
    Ok(())
}

/// The states of the schema's columns; columns that were never compressed have none. Read it in the snapshot whose rows
/// it is for: another process may change a state (`loglite compress`).
pub(in crate::store) fn read_states(
    connection: &Connection,
    schema: &Schema,
) -> rusqlite::Result<Vec<ColumnState>> {
    if !has_states(connection)? {
        return Ok(Vec::new());
    }
    let sql = "SELECT column, holds_ids, holds_values FROM loglite_compression";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let Some(column) = schema.find(&name) else { continue };
        states.push(ColumnState { column, holds_ids: row.get(1)?, holds_values: row.get(2)? });
    }
    Ok(states)
}
