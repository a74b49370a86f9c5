//! Which columns can be compressed.

use rusqlite::Connection;

use super::check::broken_check;
use super::error::CompressionError;
use super::mend::mending_migration;
use crate::domain::{ColumnId, Schema};
use crate::store::StoreError;

/// The column of that name, in any case, if it can hold up to `max_values` ids.
///
/// # Errors
/// [`StoreError::Compression`] with what is in the way, and the way out.
pub(in crate::store) fn compressible_column(
    connection: &Connection,
    schema: &Schema,
    name: &str,
    max_values: u64,
) -> Result<ColumnId, StoreError> {
    let table = || schema.table().to_owned();
    let found = schema
        .find(name)
        .or_else(|| schema.ids().find(|id| schema.column(*id).name.eq_ignore_ascii_case(name)));
    let id = found.ok_or_else(|| CompressionError::UnknownColumn {
        column: name.to_owned(),
        table: table(),
        known: schema.names().into_iter().map(str::to_owned).collect(),
    })?;
    let column = schema.column(id).name.clone();
    if let Some(what) = obstacle(connection, schema, id)? {
        return Err(CompressionError::NotPossible { column, table: table(), what }.into());
    }
    let declared = schema.column(id).sqlite_type.clone();
    let way_out = || mending_migration(connection, schema, id);
    if !can_hold_ids(connection, schema, &declared)? {
        let way_out = way_out()?;
        return Err(
            CompressionError::DeclaredType { column, table: table(), declared, way_out }.into()
        );
    }
    if let Some(check) = broken_check(connection, schema, id, max_values)? {
        let way_out = way_out()?;
        return Err(CompressionError::Check { column, table: table(), check, way_out }.into());
    }
    Ok(id)
}

/// What the column is that must hold its values as they are.
fn obstacle(
    connection: &Connection,
    schema: &Schema,
    id: ColumnId,
) -> rusqlite::Result<Option<&'static str>> {
    let column = schema.column(id);
    let foreign_key =
        "SELECT EXISTS (SELECT 1 FROM pragma_foreign_keys, pragma_foreign_key_list(?1)
        WHERE foreign_keys AND \"from\" = ?2 COLLATE NOCASE)";
    let refers =
        || connection.query_row(foreign_key, (schema.table(), &column.name), |row| row.get(0));
    Ok(if id == schema.timestamp() {
        Some("the timestamp column")
    } else if schema.row_id_column() == Some(id) {
        Some("the row id")
    } else if column.primary_key {
        Some("part of the primary key")
    } else if column.generated {
        Some("a generated column")
    } else if refers()? {
        Some("a foreign key")
    } else {
        None
    })
}

/// Whether a column of this type can hold ids and, beside them, text and BLOBs
/// (<https://sqlite.org/datatype3.html#determination_of_column_affinity>, <https://sqlite.org/stricttables.html>).
fn can_hold_ids(
    connection: &Connection,
    schema: &Schema,
    declared: &str,
) -> rusqlite::Result<bool> {
    let strict = "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    if connection.query_row(strict, [schema.table()], |row| row.get(0))? {
        return Ok(declared.eq_ignore_ascii_case("ANY"));
    }
    let upper = declared.to_ascii_uppercase();
    let has = |part: &&str| upper.contains(part);
    let is_other = ["CHAR", "CLOB", "TEXT", "REAL", "FLOA", "DOUB"].iter().any(has);
    Ok(has(&"INT") || (upper.contains("BLOB") && !upper.contains("TEXT")) || !is_other)
}
