//! Puts packed rows into the log table, many per statement where that is safe.
//!
//! A row that SQLite refuses is refused alone: when a statement of many rows fails, its rows are inserted one by one.

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{CachedStatement, Connection};

use super::TableTraits;
use super::fault::is_row_fault;
use crate::domain::{ColumnId, Refusal, RowBatch, RowId, RowView, Schema, Value, quote_identifier};

/// Rows per statement: saves a fifth of the time of one per statement; more gains nothing.
const ROWS_PER_STATEMENT: usize = 32;
/// SQLite's default limit of parameters in a statement.
const MAX_PARAMETERS: usize = 32_766;
/// Shapes whose SQL text is kept. An entry's shape is which columns with a DEFAULT it leaves out.
const MAX_SHAPES: usize = 64;

/// Builds and keeps the INSERT statements of one table.
#[derive(Debug)]
pub(super) struct Inserter {
    table: String,
    row_id: String,
    columns: Vec<InsertColumn>,
    has_defaults: bool,
    rows_per_statement: usize,
    shapes: Vec<Shape>,
    /// The omitted columns of the row at hand; kept to save its allocation.
    omitted: Vec<usize>,
}

#[derive(Debug)]
struct InsertColumn {
    quoted: String,
    has_default: bool,
}

/// The statements for entries that leave out the same columns with a DEFAULT.
#[derive(Debug)]
struct Shape {
    omitted: Vec<usize>,
    one: String,
    many: String,
}

/// Why a batch can't go on.
#[derive(Debug)]
pub(super) enum InsertError {
    /// The row's conflict rule rolled the whole transaction back (`ON CONFLICT ROLLBACK`).
    TransactionLost(Refusal),
    /// The storage failed.
    Storage(rusqlite::Error),
}

/// What inserting one source's rows gave.
#[derive(Debug, Default)]
pub(super) struct Inserted {
    pub(super) stored: usize,
    pub(super) refused: Vec<Refusal>,
}

impl Inserter {
    pub(super) fn new(schema: &Schema, traits: TableTraits) -> Self {
        let columns: Vec<_> = schema
            .ids()
            .filter(|id| schema.is_writable(*id))
            .map(|id: ColumnId| schema.column(id))
            .map(|column| InsertColumn {
                quoted: quote_identifier(&column.name),
                has_default: column.has_default,
            })
            .collect();
        let most = MAX_PARAMETERS / (columns.len() + 1);
        Self {
            table: quote_identifier(schema.table()),
            row_id: quote_identifier(schema.row_id_name()),
            has_defaults: columns.iter().any(|column| column.has_default),
            columns,
            rows_per_statement: if traits.multi_row_safe {
                most.clamp(1, ROWS_PER_STATEMENT)
            } else {
                1
            },
            shapes: Vec::new(),
            omitted: Vec::new(),
        }
    }

    /// Inserts the rows of `batch` but those in `excluded` (entry indexes), with ids from `next` on.
    pub(super) fn insert(
        &mut self,
        connection: &Connection,
        batch: &RowBatch,
        excluded: &[Refusal],
        next: &mut RowId,
    ) -> Result<Inserted, InsertError> {
        let mut inserted = Inserted { stored: 0, refused: excluded.to_vec() };
        let mut group: Vec<RowView<'_>> = Vec::with_capacity(self.rows_per_statement);
        let mut group_shape = 0;
        for row in batch.rows() {
            if excluded.iter().any(|refusal| refusal.index == row.index) {
                continue;
            }
            let shape = self.shape_of(&row);
            if !group.is_empty() && (shape != group_shape || group.len() == self.rows_per_statement)
            {
                self.insert_group(connection, group_shape, &group, next, &mut inserted)?;
                group.clear();
            }
            group_shape = shape;
            group.push(row);
        }
        self.insert_group(connection, group_shape, &group, next, &mut inserted)?;
        inserted.refused.sort_by_key(|refusal| refusal.index);
        Ok(inserted)
    }

    /// Forgets the shapes if there are too many. Not within a batch: positions in the list are in use there.
    pub(super) fn trim(&mut self) {
        if self.shapes.len() > MAX_SHAPES {
            self.shapes.clear();
        }
    }

    fn insert_group(
        &self,
        connection: &Connection,
        shape: usize,
        group: &[RowView<'_>],
        next: &mut RowId,
        inserted: &mut Inserted,
    ) -> Result<(), InsertError> {
        let Some(shape) = self.shapes.get(shape) else { return Ok(()) };
        if group.len() == self.rows_per_statement && group.len() > 1 {
            let mut statement = connection.prepare_cached(&shape.many)?;
            match self.execute(&mut statement, shape, group, *next) {
                Ok(_) => {
                    next.0 += group.len() as i64;
                    inserted.stored += group.len();
                    return Ok(());
                }
                Err(error) if is_row_fault(&error) && !connection.is_autocommit() => {}
                Err(error) => return Err(InsertError::Storage(error)),
            }
        }
        let mut statement = connection.prepare_cached(&shape.one)?;
        for row in group {
            match self.execute(&mut statement, shape, std::slice::from_ref(row), *next) {
                Ok(0) => inserted
                    .refused
                    .push(refusal(row, "skipped by a trigger or conflict rule of the table")),
                Ok(_) => {
                    next.0 += 1;
                    inserted.stored += 1;
                }
                Err(error) if !is_row_fault(&error) => return Err(InsertError::Storage(error)),
                Err(error) => {
                    let refusal = refusal(row, &reason(&error));
                    if connection.is_autocommit() {
                        return Err(InsertError::TransactionLost(refusal));
                    }
                    inserted.refused.push(refusal);
                }
            }
        }
        Ok(())
    }

    fn execute(
        &self,
        statement: &mut CachedStatement<'_>,
        shape: &Shape,
        rows: &[RowView<'_>],
        first: RowId,
    ) -> rusqlite::Result<usize> {
        let mut parameter = 0;
        for (row, id) in rows.iter().zip(first.0..) {
            parameter += 1;
            statement.raw_bind_parameter(parameter, id)?;
            for (at, value) in row.values().enumerate() {
                if matches!(value, Value::Missing) && shape.omitted.contains(&at) {
                    continue;
                }
                parameter += 1;
                statement.raw_bind_parameter(parameter, sql_value(value))?;
            }
        }
        statement.raw_execute()
    }

    /// The position of the row's shape; its statements are written when it is new.
    fn shape_of(&mut self, row: &RowView<'_>) -> usize {
        self.omitted.clear();
        if self.has_defaults {
            let pairs = self.columns.iter().zip(row.values()).enumerate();
            let omits = pairs.filter(|(_, (column, value))| {
                column.has_default && matches!(value, Value::Missing)
            });
            self.omitted.extend(omits.map(|(at, _)| at));
        }
        let known = self.shapes.iter().position(|shape| shape.omitted == self.omitted);
        known.unwrap_or_else(|| {
            self.shapes.push(self.write_shape(self.omitted.clone()));
            self.shapes.len() - 1
        })
    }

    fn write_shape(&self, omitted: Vec<usize>) -> Shape {
        let mut columns = vec![self.row_id.as_str()];
        let present = self.columns.iter().enumerate().filter(|(at, _)| !omitted.contains(at));
        columns.extend(present.map(|(_, column)| column.quoted.as_str()));
        let head = format!("INSERT INTO {} ({}) VALUES ", self.table, columns.join(","));
        let row = format!("({})", vec!["?"; columns.len()].join(","));
        let many = format!("{head}{}", vec![row.as_str(); self.rows_per_statement].join(","));
        Shape { omitted, one: head + &row, many }
    }
}

impl From<rusqlite::Error> for InsertError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error)
    }
}

fn refusal(row: &RowView<'_>, error: &str) -> Refusal {
    Refusal { index: row.index, error: error.to_owned() }
}

/// SQLite's own message, which names the constraint, the table and the column.
fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

fn sql_value<'a>(value: Value<'a>) -> ToSqlOutput<'a> {
    match value {
        Value::Missing | Value::Null => ToSqlOutput::Owned(SqlValue::Null),
        Value::Integer(integer) => ToSqlOutput::Owned(SqlValue::Integer(integer)),
        Value::Real(real) => ToSqlOutput::Owned(SqlValue::Real(real)),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}
