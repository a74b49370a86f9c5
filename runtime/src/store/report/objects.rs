//! The tables and indexes in the file, and whose they are.

use rusqlite::Connection;
use serde::Serialize;

use crate::domain::Schema;

/// Whose a table or an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// The log table.
    LogTable,
    /// An index of the log table.
    LogIndex,
    /// The values of compressed columns, and their indexes.
    Dictionary,
    /// loglite's own bookkeeping.
    Own,
    /// Anything else: SQLite's own, the user's, what an older loglite left.
    Other,
}

/// A table or an index of the file.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) kind: ObjectKind,
}

/// All of them, the schema's own table included.
pub(super) fn list(connection: &Connection, schema: &Schema) -> rusqlite::Result<Vec<Object>> {
    let sql = "SELECT name, tbl_name, type = 'index' FROM sqlite_schema WHERE rootpage > 0";
    let mut statement = connection.prepare(sql)?;
    let objects = statement.query_map([], |row| {
        let (name, table, is_index): (_, String, _) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Object { name, kind: kind(schema, &table, is_index) })
    })?;
    let own = Object { name: "sqlite_schema".into(), kind: ObjectKind::Other };
    objects.chain([Ok(own)]).collect()
}

fn kind(schema: &Schema, table: &str, is_index: bool) -> ObjectKind {
    let lower = table.to_ascii_lowercase();
    if table.eq_ignore_ascii_case(schema.table()) {
        return if is_index { ObjectKind::LogIndex } else { ObjectKind::LogTable };
    }
    match lower.as_str() {
        "column_dictionary" => ObjectKind::Dictionary,
        "versions" => ObjectKind::Own,
        _ if lower.starts_with("loglite_") => ObjectKind::Own,
        _ => ObjectKind::Other,
    }
}
