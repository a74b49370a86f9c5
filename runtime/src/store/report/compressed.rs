//! The compressed columns, and what the dictionary holds of them.

use std::collections::HashMap;

use rusqlite::Connection;

use super::super::dictionary::{read_states, unescaped};
use super::size::stored_bytes;
use crate::domain::{ColumnId, Schema};

/// What each entry takes in the dictionary's table and indexes beside its value and its column's name: ids, headers.
const ENTRY_BYTES: u64 = 35;

/// The columns whose integers are ids. Databases that only an older loglite has written tell by their dictionary.
pub(super) fn compressed(
    connection: &Connection,
    schema: &Schema,
) -> rusqlite::Result<Vec<ColumnId>> {
    if connection.table_exists(None, "loglite_compression")? {
        let states = read_states(connection, schema)?;
        return Ok(states
            .iter()
            .filter(|state| state.holds_ids)
            .map(|state| state.column)
            .collect());
    }
    if !connection.table_exists(None, "column_dictionary")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("SELECT DISTINCT column FROM column_dictionary")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names: Vec<_> = names.collect::<Result<_, _>>()?;
    Ok(names.iter().filter_map(|name| schema.find(name)).collect())
}

/// What a column's values take: in a row, by id.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) count: u64,
    /// What they take in the dictionary, its indexes included.
    pub(super) bytes: u64,
    /// What values would take in a row, of the ids that are asked for.
    pub(super) row_bytes: HashMap<u64, u64>,
}

/// Reads a column's entries; of their values' sizes keeps those of the ids that `is_wanted`.
pub(super) fn entries(
    connection: &Connection,
    column: &str,
    is_wanted: impl Fn(u64) -> bool,
) -> rusqlite::Result<Entries> {
    let sql = "SELECT value_id, value FROM column_dictionary WHERE column = ?1";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([column])?;
    let mut entries = Entries::default();
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)?.cast_unsigned();
        let value = row.get_ref(1)?;
        entries.count += 1;
        entries.bytes += entry_bytes(column, stored_bytes(value));
        if is_wanted(id) {
            let unescaped = unescaped(value);
            let bytes =
                unescaped.as_ref().map_or_else(|| stored_bytes(value), |v| stored_bytes(v.into()));
            entries.row_bytes.insert(id, bytes);
        }
    }
    Ok(entries)
}

/// What a value that takes so much in a row takes in the dictionary and its two indexes.
pub(super) fn entry_bytes(column: &str, value_bytes: u64) -> u64 {
    2 * value_bytes + 3 * column.len() as u64 + ENTRY_BYTES
}
