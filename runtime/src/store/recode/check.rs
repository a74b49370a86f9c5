//! Whether a column can be recoded: found out before anything is changed.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::target::Target;
use super::{RecodeError, batch};
use crate::domain::{ColumnId, Schema};
use crate::store::StoreError;
use crate::store::dictionary::{CompressionError, compressible_column, to_cell};
use crate::store::fault::is_row_fault;

/// The column of this name: in exactly that spelling, else in any case, as in SQL.
pub(super) fn find(schema: &Schema, name: &str) -> Result<ColumnId, RecodeError> {
    let same = |id: &ColumnId| schema.column(*id).name.eq_ignore_ascii_case(name);
    schema.find(name).or_else(|| schema.ids().find(same)).ok_or_else(|| {
        RecodeError::UnknownColumn {
            column: name.to_owned(),
            table: schema.table().to_owned(),
            known: schema.names().into_iter().map(str::to_owned).collect(),
        }
    })
}

/// Changing a row must not run triggers. They would see ids for values, once per row.
pub(super) fn triggers(connection: &Connection, target: &Target) -> Result<(), RecodeError> {
    // SQLite itself knows which triggers an UPDATE of this column runs.
    let mut statement = connection.prepare(&format!("EXPLAIN {}", target.update()))?;
    let mut rows = statement.query((0, 0))?;
    let mut runs_triggers = false;
    while let Some(row) = rows.next()? {
        runs_triggers |= row.get::<_, String>(1)? == "Program";
    }
    if !runs_triggers {
        return Ok(());
    }
    let sql = "SELECT name FROM sqlite_master
        WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE AND sql LIKE '%update%' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let triggers = statement.query_map([&target.table], |row| row.get(0))?;
    Err(RecodeError::Triggers {
        table: target.table.clone(),
        triggers: triggers.collect::<Result<_, _>>()?,
    })
}

/// A column that loglite or SQLite fills was never compressed.
pub(super) fn may_hold_ids(schema: &Schema, target: &Target) -> Result<(), RecodeError> {
    if schema.is_writable(target.id) {
        return Ok(());
    }
    let (column, table) = (target.name.clone(), target.table.clone());
    let reason = "entries can't set it, so it was never compressed either".to_owned();
    Err(RecodeError::NotPossible { column, table, reason })
}

/// Ids must be storable, and nothing may be made of them instead of the values.
pub(super) fn can_hold_ids(
    connection: &Connection,
    schema: &Schema,
    target: &Target,
    max_values: u64,
) -> Result<(), RecodeError> {
    let refuse = |reason: String| {
        let (column, table) = (target.name.clone(), target.table.clone());
        Err(RecodeError::NotPossible { column, table, reason })
    };
    match compressible_column(connection, schema, &target.name, max_values) {
        Ok(_) => {}
        Err(StoreError::Compression(CompressionError::NotPossible { what, .. })) => {
            return refuse(format!("it is {what}"));
        }
        Err(error) => return Err(error.into()),
    }
    triggers(connection, target)?;
    match try_out(connection, schema, target)? {
        None => Ok(()),
        Some(reason) => refuse(reason),
    }
}

/// Stores an id in a row that has a value, and takes it back. Returns why that can't be.
fn try_out(
    connection: &Connection,
    schema: &Schema,
    target: &Target,
) -> Result<Option<String>, RecodeError> {
    let find = |condition| {
        connection
            .query_row(&target.select_one(condition), [], |row| row.get::<_, i64>(0))
            .optional()
    };
    let computed: Vec<_> = schema
        .columns()
        .iter()
        .filter(|column| column.generated)
        .map(|column| column.name.clone())
        .collect();
    if let Some(row_id) = find("{cell} IS NOT NULL")? {
        for id in [1, 1 << 20] {
            if let Some(reason) =
                try_cell(connection, target, (row_id, &Value::Integer(id)), &computed)?
            {
                return Ok(Some(reason));
            }
        }
    }
    if let Some(row_id) = find("typeof({cell}) IN ('integer', 'real')")? {
        let cell = to_cell(ValueRef::Integer(1));
        return try_cell(connection, target, (row_id, &cell), &[]);
    }
    Ok(None)
}

fn try_cell(
    connection: &Connection,
    target: &Target,
    (row_id, cell): (i64, &Value),
    computed: &[String],
) -> Result<Option<String>, RecodeError> {
    let read = |connection: &Connection| -> rusqlite::Result<Vec<Value>> {
        if computed.is_empty() {
            return Ok(Vec::new());
        }
        connection.query_row(&target.select_row(computed), [row_id], |row| {
            (0..computed.len()).map(|at| row.get(at)).collect()
        })
    };
    let transaction = batch::immediate(connection)?;
    let before = read(&transaction)?;
    match transaction.execute(&target.update(), (cell, row_id)) {
        // Another row has this very number; in the end there will be none.
        Err(error) if is_unique_fault(&error) => return Ok(None),
        Err(error) if is_row_fault(&error) => {
            return Ok(Some(format!(
                "the table refuses ids in it: {error}; take this out of the table with a migration, as it can only hold \
                 for values, and run this command again"
            )));
        }
        outcome => outcome?,
    };
    let after = read(&transaction);
    let changed = match &after {
        Ok(after) => before.iter().zip(after).position(|(before, after)| before != after),
        Err(_) => Some(0),
    };
    Ok(changed.and_then(|at| computed.get(at)).map(|name| {
        format!("the generated column `{name}` is computed from it, and would be from its ids")
    }))
}

fn is_unique_fault(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}
