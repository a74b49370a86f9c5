//! What becomes of compressed columns when the database is opened: those of the configuration get a state, and what
//! the dictionary holds is counted.

use rusqlite::{Connection, OptionalExtension};
use tracing::{error, info, warn};

use super::allowed::compressible_column;
use super::error::CompressionError;
use super::state;
use super::strays::look_for_strays;
use crate::config::CompressionConfig;
use crate::domain::{ColumnId, Schema, quote_identifier};
use crate::store::StoreError;
use crate::store::introspect::is_indexed;

/// Rows through which it is worth looking for values that are no ids.
const FEW_ROWS: i64 = 1_000_000;

const KNOWN: &str = "SELECT holds_ids FROM loglite_compression WHERE column = ?1";
const HAS_ENTRIES: &str = "SELECT EXISTS (SELECT 1 FROM column_dictionary WHERE column = ?1)";
/// As much as is there, and no less than was: what is lost is told at each start.
const COUNT: &str = "UPDATE loglite_compression SET next_value_id = max(next_value_id, ?2 + 1),
    value_count = max(value_count, ?3), value_bytes = max(value_bytes, ?4) WHERE column = ?1";

/// Prepares the columns that the configuration lists.
///
/// Blocks: a column that is listed for the first time is read once.
///
/// # Errors
/// [`StoreError::Compression`] when one can't be compressed, or what keeps the database from being used.
pub(in crate::store) fn adopt(
    connection: &Connection,
    schema: &Schema,
    config: &CompressionConfig,
) -> Result<(), StoreError> {
    if config.enabled {
        state::create(connection)?;
        for name in &config.columns {
            let id = compressible_column(connection, schema, name, config.max_values)?;
            adopt_column(connection, schema, id)?;
        }
    }
    let has_states = state::has_states(connection)?;
    for column in schema.columns() {
        let state = if has_states { stored_count(connection, &column.name)? } else { None };
        match state {
            Some(stored) => {
                let is_whole = count(connection, &column.name, stored)?;
                if stored.1 && is_whole {
                    look_for_strays(connection, schema, &column.name)?;
                }
            }
            None => warn_of_entries(connection, &column.name)?,
        }
    }
    Ok(())
}

fn adopt_column(connection: &Connection, schema: &Schema, id: ColumnId) -> Result<(), StoreError> {
    let column = schema.column(id).name.as_str();
    if connection.prepare_cached(KNOWN)?.exists([column])? {
        return Ok(());
    }
    let (table, name) = (quote_identifier(schema.table()), quote_identifier(column));
    let exists = |condition: &str| -> rusqlite::Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {condition})");
        connection.query_row(&sql, [], |row| row.get(0))
    };
    let has_entries: bool = connection.query_row(HAS_ENTRIES, [column], |row| row.get(0))?;
    let holds_values = if has_entries {
        let row_id = quote_identifier(schema.row_id_name());
        let newest = format!("SELECT coalesce(max({row_id}), 0) FROM {table}");
        let newest: i64 = connection.query_row(&newest, [], |row| row.get(0))?;
        if newest <= FEW_ROWS {
            exists(&format!("typeof({name}) IN ('real', 'text', 'blob')"))?
        } else {
            // Text and BLOBs sort behind all numbers.
            let is_quick = is_indexed(connection, schema.table(), id)?;
            !is_quick || exists(&format!("{name} >= ''"))?
        }
    } else if exists(&format!("typeof({name}) IN ('integer', 'real')"))? {
        let (column, table) = (column.to_owned(), schema.table().to_owned());
        return Err(CompressionError::HoldsNumbers { column, table }.into());
    } else {
        exists(&format!("{name} IS NOT NULL"))?
    };
    state::add_state(connection, column, (true, holds_values))?;
    info!(column, "compressed from now on");
    Ok(())
}

/// How many values the dictionary of the column held, if it is or was compressed, and whether rows hold their ids.
fn stored_count(connection: &Connection, column: &str) -> rusqlite::Result<Option<(i64, bool)>> {
    let sql = "SELECT value_count, holds_ids FROM loglite_compression WHERE column = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([column], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Brings the state up to what the dictionary holds. Says whether it is all that it held.
fn count(
    connection: &Connection,
    column: &str,
    (stored, holds_ids): (i64, bool),
) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*), coalesce(sum(length(CAST(value AS BLOB))), 0) FROM column_dictionary WHERE column = ?1";
    let (found, bytes): (i64, i64) =
        connection.query_row(sql, [column], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = "SELECT coalesce(max(value_id), 0) FROM column_dictionary WHERE column = ?1";
    let newest: i64 = connection.query_row(sql, [column], |row| row.get(0))?;
    connection.execute(COUNT, (column, newest, found, bytes))?;
    if holds_ids && found < stored {
        error!(
            column,
            lost = stored - found,
            kept = found,
            "the table `column_dictionary` has lost values of the column: rows with these can't be read; stop loglite and \
             restore the table from a backup, or leave the column out of `fields`"
        );
    }
    Ok(found >= stored)
}

/// Values that an older loglite has replaced by ids come back as those ids.
fn warn_of_entries(connection: &Connection, column: &str) -> rusqlite::Result<()> {
    if connection.query_row(HAS_ENTRIES, [column], |row| row.get(0))? {
        warn!(
            column,
            "an older loglite has compressed the column: its ids are shown, not its values; list it in \
             `compression.columns` and set `compression.enabled: true`"
        );
    }
    Ok(())
}
