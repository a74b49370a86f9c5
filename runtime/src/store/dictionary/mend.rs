//! The migration that makes a column one that can hold ids.

use rusqlite::Connection;

use super::default::DefaultValue;
use crate::domain::{ColumnId, Schema, quote_identifier};
use crate::store::sql_text::has_word;

/// A migration, as it stands in a configuration, that makes the column INTEGER and drops its CHECKs; with an
/// introduction. It was tried on a copy of the schema; where that fails, the table must be made anew, and it says that.
pub(in crate::store) fn mending_migration(
    connection: &Connection,
    schema: &Schema,
    column: ColumnId,
) -> rusqlite::Result<String> {
    let statements = statements(connection, schema, column)?;
    if works(connection, &statements).is_err() {
        return Ok(": make a new table with such a column, copy the rows into it, drop the old one and rename the new \
                   one to its name"
            .into());
    }
    let version = "SELECT coalesce(max(version), 0) + 1 FROM versions";
    let version: i64 = if connection.table_exists(None, "versions")? {
        connection.query_row(version, [], |row| row.get(0))?
    } else {
        1
    };
    let statements: String = statements.iter().map(|sql| list_item(sql)).collect();
    Ok(format!(
        ", such as this one:\n  - version: {version}\n    rollout:\n{statements}    rollback: []"
    ))
}

fn statements(
    connection: &Connection,
    schema: &Schema,
    column: ColumnId,
) -> rusqlite::Result<Vec<String>> {
    let table = quote_identifier(schema.table());
    let name = &schema.column(column).name;
    let (old, new) = (quote_identifier(name), quote_identifier(&free_name(schema, name)));
    let constraints = constraints(connection, schema, column)?;
    let indexes = indexes(connection, schema, name)?;
    let mut statements = vec![
        format!("ALTER TABLE {table} ADD COLUMN {new} INTEGER{constraints}"),
        format!("UPDATE {table} SET {new} = {old}"),
    ];
    statements
        .extend(indexes.iter().map(|(index, _)| format!("DROP INDEX {}", quote_identifier(index))));
    statements.push(format!("ALTER TABLE {table} DROP COLUMN {old}"));
    statements.push(format!("ALTER TABLE {table} RENAME COLUMN {new} TO {old}"));
    statements.extend(indexes.into_iter().map(|(_, sql)| sql));
    Ok(statements)
}

/// NOT NULL and a constant DEFAULT, as far as a column that is added may have them.
fn constraints(
    connection: &Connection,
    schema: &Schema,
    column: ColumnId,
) -> rusqlite::Result<String> {
    let declared = schema.column(column);
    let default = DefaultValue::read(connection, schema.table(), &declared.name)?;
    if !matches!(default, Some(DefaultValue::Constant(_))) {
        return Ok(String::new());
    }
    let sql = "SELECT dflt_value FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2";
    let text: String =
        connection.query_row(sql, (schema.table(), &declared.name), |row| row.get(0))?;
    let not_null = if declared.not_null { " NOT NULL" } else { "" };
    Ok(format!("{not_null} DEFAULT {text}"))
}

/// The indexes that name the column: name and statement.
fn indexes(
    connection: &Connection,
    schema: &Schema,
    column: &str,
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(
        "SELECT name, sql, EXISTS (SELECT 1 FROM pragma_index_info(sqlite_master.name) WHERE name = ?2 COLLATE NOCASE)
         FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid",
    )?;
    let rows = statement.query_map((schema.table(), column), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, bool>(2)?))
    })?;
    let mut indexes = Vec::new();
    for row in rows {
        let (name, sql, is_part): (String, String, bool) = row?;
        if is_part || has_word(&sql, column) {
            indexes.push((name, sql));
        }
    }
    Ok(indexes)
}

/// Runs the statements on the same schema without rows.
fn works(connection: &Connection, statements: &[String]) -> rusqlite::Result<()> {
    let scratch = Connection::open_in_memory()?;
    let mut schema = connection.prepare(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY rowid",
    )?;
    for sql in schema.query_map([], |row| row.get::<_, String>(0))? {
        scratch.execute_batch(&sql?)?;
    }
    statements.iter().try_for_each(|sql| scratch.execute_batch(sql))
}

fn free_name(schema: &Schema, name: &str) -> String {
    let mut free = format!("{name}_new");
    while schema.columns().iter().any(|column| column.name.eq_ignore_ascii_case(&free)) {
        free.push('_');
    }
    free
}

/// An item of a YAML list, which a statement of one plain line can be as it is.
fn list_item(sql: &str) -> String {
    let is_plain = !sql.contains('\n') && !sql.contains(": ") && !sql.contains(" #");
    if is_plain {
        return format!("      - {sql}\n");
    }
    let lines: String = sql.lines().map(|line| format!("        {line}\n")).collect();
    format!("      - |\n{lines}")
}
