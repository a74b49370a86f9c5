//! The column that is recoded, as SQL names it.

use rusqlite::Connection;

use crate::domain::{ColumnId, Schema, quote_identifier};

/// A column of the log table.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) id: ColumnId,
    /// Its name as the migration wrote it, by which the dictionary knows it.
    pub(super) name: String,
    pub(super) table: String,
    table_sql: String,
    row_id_sql: String,
    column_sql: String,
}

impl Target {
    pub(super) fn new(schema: &Schema, id: ColumnId) -> Self {
        let name = schema.column(id).name.clone();
        Self {
            id,
            table: schema.table().to_owned(),
            table_sql: quote_identifier(schema.table()),
            row_id_sql: quote_identifier(schema.row_id_name()),
            column_sql: quote_identifier(&name),
            name,
        }
    }

    /// Rows behind a row id, in their order, with the cell where it is of one of these types, else NULL. Values of other
    /// types are not even read: they may be long.
    pub(super) fn select_behind(&self, types: &str) -> String {
        let Self { table_sql, row_id_sql, column_sql, .. } = self;
        format!(
            "SELECT {row_id_sql}, CASE WHEN typeof({column_sql}) IN ({types}) THEN {column_sql} END
             FROM {table_sql} WHERE {row_id_sql} > ?1 ORDER BY {row_id_sql}"
        )
    }

    /// Sets the cell of a row. Whatever the table's conflict rules say, the statement fails alone, and takes no other
    /// row away.
    pub(super) fn update(&self) -> String {
        let Self { table_sql, row_id_sql, column_sql, .. } = self;
        format!("UPDATE OR ABORT {table_sql} SET {column_sql} = ?1 WHERE {row_id_sql} = ?2")
    }

    /// The first and the last row id; none in an empty table.
    pub(super) fn ends(&self, connection: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
        let Self { table_sql, row_id_sql, .. } = self;
        // Two subqueries, as SQLite seeks one end per query.
        let sql = format!(
            "SELECT (SELECT min({row_id_sql}) FROM {table_sql}), (SELECT max({row_id_sql}) FROM {table_sql})"
        );
        connection.query_row(&sql, [], |row| {
            let (first, last): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(first.zip(last))
        })
    }

    pub(super) fn count_rows(&self) -> String {
        format!("SELECT count(*) FROM {}", self.table_sql)
    }

    /// A row whose cell meets a condition on `{cell}`.
    pub(super) fn select_one(&self, condition: &str) -> String {
        let Self { table_sql, row_id_sql, column_sql, .. } = self;
        let condition = condition.replace("{cell}", column_sql);
        format!("SELECT {row_id_sql} FROM {table_sql} WHERE {condition} LIMIT 1")
    }

    /// One row's values of these columns.
    pub(super) fn select_row(&self, columns: &[String]) -> String {
        let Self { table_sql, row_id_sql, .. } = self;
        let columns: Vec<_> = columns.iter().map(|name| quote_identifier(name)).collect();
        format!("SELECT {} FROM {table_sql} WHERE {row_id_sql} = ?1", columns.join(", "))
    }
}
