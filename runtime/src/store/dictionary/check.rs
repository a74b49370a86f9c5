//! CHECK constraints that a column's ids can't pass, found by trying.

use rusqlite::types::Value;
use rusqlite::{Connection, Error as SqliteError};

use crate::domain::{ColumnId, Schema, quote_identifier};
use crate::store::sql_text::checks;

/// A CHECK of the table that is false for an id in the column, whatever the other columns hold.
pub(super) fn broken_check(
    connection: &Connection,
    schema: &Schema,
    column: ColumnId,
    max_values: u64,
) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let table: String = connection.query_row(sql, [schema.table()], |row| row.get(0))?;
    let last = i64::try_from(max_values).unwrap_or(i64::MAX);
    for check in checks(&table) {
        if !is_about(connection, schema, column, check) {
            continue;
        }
        let trial = Trial { connection, schema, column, check };
        if trial.refuses(1) || trial.refuses(last) {
            let words: Vec<_> = check.split_whitespace().collect();
            return Ok(Some(format!("CHECK {}", words.join(" "))));
        }
    }
    Ok(None)
}

/// One condition, tried with an id in one column.
struct Trial<'t> {
    connection: &'t Connection,
    schema: &'t Schema,
    column: ColumnId,
    check: &'t str,
}

impl Trial<'_> {
    /// Whether the condition is false with this id. What can't be tried is not refused.
    fn refuses(&self, id: i64) -> bool {
        let others = [Value::Null, Value::Integer(1), Value::Text("x".into())];
        others.into_iter().all(|other| self.is_false(id, other).unwrap_or(false))
    }

    fn is_false(&self, id: i64, other: Value) -> rusqlite::Result<bool> {
        let source =
            source(self.schema, |at| if at == self.column { "CAST(?1 AS INTEGER)" } else { "?2" });
        let sql = format!("SELECT ({}) IS FALSE FROM {source}", self.check);
        let mut statement = self.connection.prepare(&sql)?;
        for (at, value) in [(1, Value::Integer(id)), (2, other)] {
            // A table of one column has no others.
            if at <= statement.parameter_count() {
                statement.raw_bind_parameter(at, value)?;
            }
        }
        let mut rows = statement.raw_query();
        rows.next()?.ok_or(SqliteError::QueryReturnedNoRows)?.get(0)
    }
}

/// Whether the condition names the column: without it, SQLite does not know the name.
fn is_about(connection: &Connection, schema: &Schema, column: ColumnId, check: &str) -> bool {
    let name = &schema.column(column).name;
    // A quoted name that it does not know is a text to it.
    let quoted = quote_identifier(name).to_ascii_lowercase();
    let others = source(schema, |at| if at == column { "" } else { "NULL" });
    check.to_ascii_lowercase().contains(&quoted)
        || connection.prepare(&format!("SELECT ({check}) FROM {others}")).is_err()
}

/// A row with the table's columns; those whose value is empty are left out.
fn source(schema: &Schema, value: impl Fn(ColumnId) -> &'static str) -> String {
    let columns: Vec<_> = schema
        .ids()
        .filter(|id| !value(*id).is_empty())
        .map(|id| format!("{} AS {}", value(id), quote_identifier(&schema.column(id).name)))
        .collect();
    let columns = if columns.is_empty() { "NULL".to_owned() } else { columns.join(", ") };
    format!("(SELECT {columns}) AS {}", quote_identifier(schema.table()))
}
