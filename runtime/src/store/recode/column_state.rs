//! The state of one column, and how it changes.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::dictionary::{add_state, has_states};

/// How the cells of a column are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnCells {
    /// Each cell is its value, as in a column that was never compressed.
    Plain,
    /// Numbers are themselves, BLOBs may stand for other values.
    Escaped,
    /// Integers are ids, everything else stands for itself.
    Mixed,
    /// Integers are ids, and there is nothing else but NULL.
    Ids,
}

impl ColumnCells {
    fn of(holds_ids: bool, holds_values: bool) -> Self {
        match (holds_ids, holds_values) {
            (false, false) => Self::Plain,
            (false, true) => Self::Escaped,
            (true, true) => Self::Mixed,
            (true, false) => Self::Ids,
        }
    }

    fn flags(self) -> (bool, bool) {
        match self {
            Self::Plain => (false, false),
            Self::Escaped => (false, true),
            Self::Mixed => (true, true),
            Self::Ids => (true, false),
        }
    }
}

/// How the column's cells are to be read. A column without a state, but with entries in the dictionary, was compressed
/// by an older loglite, which may have left values of before.
pub(super) fn read(connection: &Connection, column: &str) -> rusqlite::Result<ColumnCells> {
    if has_states(connection)? {
        let sql = "SELECT holds_ids, holds_values FROM loglite_compression WHERE column = ?1";
        let found = connection
            .prepare_cached(sql)?
            .query_row([column], |row| Ok(ColumnCells::of(row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let has_entries = connection.table_exists(None, "column_dictionary")?
        && connection
            .prepare_cached("SELECT 1 FROM column_dictionary WHERE column = ?1 LIMIT 1")?
            .exists([column])?;
    Ok(if has_entries { ColumnCells::Mixed } else { ColumnCells::Plain })
}

/// Whether the column has a state.
pub(super) fn exists(connection: &Connection, column: &str) -> rusqlite::Result<bool> {
    if !has_states(connection)? {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM loglite_compression WHERE column = ?1";
    connection.prepare_cached(sql)?.exists([column])
}

/// Gives the column a state, if it has none: the one that [`read`] says. New ids go on behind all that there are, also
/// behind those that an older loglite has added since.
pub(super) fn add(connection: &Connection, column: &str) -> rusqlite::Result<()> {
    if !exists(connection, column)? {
        return add_state(connection, column, read(connection, column)?.flags());
    }
    let newest = "SELECT coalesce(max(value_id), 0) FROM column_dictionary WHERE column = ?1";
    let newest: i64 = connection.query_row(newest, [column], |row| row.get(0))?;
    let sql = "UPDATE loglite_compression SET next_value_id = max(next_value_id, ?2 + 1) WHERE column = ?1";
    connection.execute(sql, params![column, newest])?;
    Ok(())
}

/// Notes, within a transaction, how the column's cells are to be read from now on.
pub(super) fn save(
    connection: &Connection,
    column: &str,
    cells: ColumnCells,
) -> rusqlite::Result<()> {
    let sql = "UPDATE loglite_compression SET holds_ids = ?2, holds_values = ?3 WHERE column = ?1";
    let (holds_ids, holds_values) = cells.flags();
    connection.prepare_cached(sql)?.execute(params![column, holds_ids, holds_values])?;
    Ok(())
}

/// How many values the column's dictionary has, and how many bytes they are; both as the state says.
pub(super) fn dictionary_size(
    connection: &Connection,
    column: &str,
) -> rusqlite::Result<(u64, u64)> {
    if !exists(connection, column)? {
        return Ok((0, 0));
    }
    let sql = "SELECT value_count, value_bytes FROM loglite_compression WHERE column = ?1";
    let (count, bytes): (i64, i64) =
        connection.query_row(sql, [column], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((count.unsigned_abs(), bytes.unsigned_abs()))
}
