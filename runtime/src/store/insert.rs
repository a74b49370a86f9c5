//! Puts packed rows into the log table, many per statement where that is safe.
//!
//! A row that SQLite refuses is refused alone: when a statement of many rows fails, its rows are inserted one by one.

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{CachedStatement, Connection};

use super::dictionary::{CellEncoder, NewCell};
use super::fault::is_row_fault;
use super::introspect::TableTraits;
use super::part::Part;
use crate::domain::{ColumnId, Receipt, Refusal, RowId, RowView, Schema, Value, quote_identifier};

/// Rows per statement, largest first. 32 save a fifth of the time of one per statement, more gain nothing; the
/// smaller ones serve the rest of a batch.
const STATEMENT_ROWS: [usize; 6] = [32, 16, 8, 4, 2, 1];
/// SQLite's default limit of parameters in a statement.
const MAX_PARAMETERS: usize = 32_766;
/// Shapes whose SQL text is kept. An entry's shape is which columns with a DEFAULT it leaves out.
const MAX_SHAPES: usize = 64;
/// Statements that stay prepared: those of a few shapes.
const PREPARED: usize = 64;
/// Around a row of a table with rules of its own.
const BEGIN_ROW: &str = "SAVEPOINT one_row";
const KEEP_ROW: &str = "RELEASE one_row";
const UNDO_ROW: &str = "ROLLBACK TO one_row";

/// Builds and keeps the INSERT statements of one table.
#[derive(Debug)]
pub(super) struct Inserter {
    table: String,
    row_id: String,
    columns: Vec<InsertColumn>,
    has_defaults: bool,
    /// Whether a refused row may leave something behind: `RAISE(FAIL)` and `ON CONFLICT FAIL` undo nothing.
    undoes_rows: bool,
    /// [`STATEMENT_ROWS`] as far as this table allows them.
    statement_rows: Vec<usize>,
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
    /// One text for each of the statement sizes.
    statements: Vec<String>,
}

/// Where rows go, and the id of the first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'c> {
    pub(super) connection: &'c Connection,
    pub(super) next: RowId,
}

/// A row and the position of its source's part.
#[derive(Debug, Clone, Copy)]
struct SourceRow<'a> {
    source: usize,
    row: RowView<'a>,
}

/// Why a batch can't go on.
#[derive(Debug)]
pub(super) enum InsertError {
    /// The row's conflict rule rolled the whole transaction back (`ON CONFLICT ROLLBACK`).
    TransactionLost {
        /// The position of the row's part.
        source: usize,
        /// The row.
        refusal: Refusal,
    },
    /// The storage failed.
    Storage(rusqlite::Error),
}

/// Inserts rows within one transaction.
struct Insertion<'i> {
    inserter: &'i Inserter,
    encoder: &'i mut CellEncoder,
    connection: &'i Connection,
    next: RowId,
    receipts: Vec<Receipt>,
}

impl Inserter {
    pub(super) fn new(connection: &Connection, schema: &Schema, traits: TableTraits) -> Self {
        let columns: Vec<_> = schema
            .ids()
            .filter(|id| schema.is_writable(*id))
            .map(|id: ColumnId| schema.column(id))
            .map(|column| InsertColumn {
                quoted: quote_identifier(&column.name),
                has_default: column.has_default,
            })
            .collect();
        connection.set_prepared_statement_cache_capacity(PREPARED);
        let most = MAX_PARAMETERS / (columns.len() + 1);
        Self {
            table: quote_identifier(schema.table()),
            row_id: quote_identifier(schema.row_id_name()),
            has_defaults: columns.iter().any(|column| column.has_default),
            undoes_rows: !traits.multi_row_safe,
            columns,
            statement_rows: STATEMENT_ROWS
                .into_iter()
                .filter(|rows| *rows == 1 || (traits.multi_row_safe && *rows <= most))
                .collect(),
            shapes: Vec::new(),
            omitted: Vec::new(),
        }
    }

    /// Inserts the rows of all `parts`, with ids from `place.next` on, but those whose entries are in `excluded` (a list
    /// for each part, by rising index), which are refused. Returns a receipt for each part and the next free id.
    pub(super) fn insert(
        &mut self,
        place: Place<'_>,
        encoder: &mut CellEncoder,
        parts: &[Part<'_>],
        excluded: &[Vec<Refusal>],
    ) -> Result<(Vec<Receipt>, RowId), InsertError> {
        let shapes = self.shapes_of(parts, encoder);
        let receipts = excluded
            .iter()
            .map(|refused| Receipt { refused: refused.clone(), ..Receipt::default() })
            .collect();
        let Place { connection, next } = place;
        let mut insertion = Insertion { inserter: self, encoder, connection, next, receipts };
        let most = self.statement_rows.first().copied().unwrap_or(1);
        let mut group: Vec<SourceRow<'_>> = Vec::with_capacity(most);
        let mut group_shape = 0;
        let rows = parts
            .iter()
            .enumerate()
            .flat_map(|(source, part)| part.rows().map(move |row| SourceRow { source, row }));
        for (row, shape) in rows.zip(shapes.iter().copied().chain(std::iter::repeat(0))) {
            let refused = excluded.get(row.source).map_or(&[][..], Vec::as_slice);
            if refused.binary_search_by_key(&row.row.index, |refusal| refusal.index).is_ok() {
                continue;
            }
            if !group.is_empty() && (shape != group_shape || group.len() == most) {
                insertion.insert_group(group_shape, &group)?;
                group.clear();
            }
            group_shape = shape;
            group.push(row);
        }
        insertion.insert_group(group_shape, &group)?;
        Ok((insertion.receipts, insertion.next))
    }

    /// The shape of each row; none when all have the same one.
    fn shapes_of(&mut self, parts: &[Part<'_>], encoder: &CellEncoder) -> Vec<usize> {
        if self.has_defaults {
            let rows = parts.iter().flat_map(Part::rows);
            return rows.map(|row| self.shape_of(&row, encoder)).collect();
        }
        if self.shapes.is_empty() {
            self.shapes.push(self.write_shape(Vec::new()));
        }
        Vec::new()
    }

    /// Forgets the shapes: other columns may be left to SQLite now. Not within a batch.
    pub(super) fn forget_shapes(&mut self) {
        self.shapes.clear();
    }

    /// Forgets the shapes if there are too many. Not within a batch: positions in the list are in use there.
    pub(super) fn trim(&mut self) {
        if self.shapes.len() > MAX_SHAPES {
            self.shapes.clear();
        }
    }

    /// The position of the row's shape; its statements are written when it is new. SQLite knows nothing of the DEFAULT of
    /// a compressed column.
    fn shape_of(&mut self, row: &RowView<'_>, encoder: &CellEncoder) -> usize {
        self.omitted.clear();
        let pairs = self.columns.iter().zip(row.values()).enumerate();
        let omits = pairs.filter(|(at, (column, value))| {
            column.has_default && matches!(value, Value::Missing) && encoder.is_plain(*at)
        });
        self.omitted.extend(omits.map(|(at, _)| at));
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
        let statement = |rows: &usize| format!("{head}{}", vec![row.as_str(); *rows].join(","));
        Shape { omitted, statements: self.statement_rows.iter().map(statement).collect() }
    }
}

impl Insertion<'_> {
    /// Inserts rows of one shape, as many per statement as are left.
    fn insert_group(&mut self, shape: usize, group: &[SourceRow<'_>]) -> Result<(), InsertError> {
        let Some(shape) = self.inserter.shapes.get(shape) else { return Ok(()) };
        let mut rest = group;
        for (rows, sql) in self.inserter.statement_rows.iter().zip(&shape.statements) {
            while let Some((rows, behind)) = rest.split_at_checked(*rows) {
                self.insert_rows(sql, shape, rows)?;
                rest = behind;
            }
        }
        Ok(())
    }

    fn insert_rows(
        &mut self,
        sql: &str,
        shape: &Shape,
        rows: &[SourceRow<'_>],
    ) -> Result<(), InsertError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        // Before the savepoint: when that is undone, what is new in the dictionary stays.
        let bound = self.bind(&mut statement, shape, rows);
        self.mark(&[BEGIN_ROW])?;
        match bound.and_then(|()| statement.raw_execute()) {
            Ok(0) => {
                self.mark(&[KEEP_ROW])?;
                let reason = "skipped by a trigger or conflict rule of the table";
                rows.iter().for_each(|row| self.refuse(row, reason.to_owned()));
                Ok(())
            }
            Ok(_) => {
                self.mark(&[KEEP_ROW])?;
                rows.iter().for_each(|row| self.note(row));
                Ok(())
            }
            Err(error) if !is_row_fault(&error) => Err(InsertError::Storage(error)),
            Err(error) => match rows {
                [row] if self.connection.is_autocommit() => Err(InsertError::TransactionLost {
                    source: row.source,
                    refusal: Refusal { index: row.row.index, error: reason(&error) },
                }),
                [row] => {
                    self.mark(&[UNDO_ROW, KEEP_ROW])?;
                    self.refuse(row, reason(&error));
                    Ok(())
                }
                many => self.insert_one_by_one(shape, many),
            },
        }
    }

    fn bind(
        &mut self,
        statement: &mut CachedStatement<'_>,
        shape: &Shape,
        rows: &[SourceRow<'_>],
    ) -> rusqlite::Result<()> {
        let mut parameter = 0;
        for (row, id) in rows.iter().zip(self.next.0..) {
            parameter += 1;
            statement.raw_bind_parameter(parameter, id)?;
            for (at, value) in row.row.values().enumerate() {
                if matches!(value, Value::Missing) && shape.omitted.contains(&at) {
                    continue;
                }
                parameter += 1;
                match self.encoder.cell(self.connection, at, value)? {
                    NewCell::AsIs => statement.raw_bind_parameter(parameter, sql_value(value))?,
                    NewCell::Id(id) => statement.raw_bind_parameter(parameter, id)?,
                    NewCell::Other(cell) => statement.raw_bind_parameter(parameter, cell)?,
                }
            }
        }
        Ok(())
    }

    /// The way to the one faulty row among many.
    fn insert_one_by_one(
        &mut self,
        shape: &Shape,
        rows: &[SourceRow<'_>],
    ) -> Result<(), InsertError> {
        let Some(sql) = shape.statements.last() else { return Ok(()) };
        rows.chunks(1).try_for_each(|row| self.insert_rows(sql, shape, row))
    }

    /// Runs statements around a row, in tables that need it.
    fn mark(&self, statements: &[&str]) -> rusqlite::Result<()> {
        if self.inserter.undoes_rows {
            for sql in statements {
                self.connection.prepare_cached(sql)?.raw_execute()?;
            }
        }
        Ok(())
    }

    fn note(&mut self, row: &SourceRow<'_>) {
        if let Some(receipt) = self.receipts.get_mut(row.source) {
            receipt.stored += 1;
        }
        self.next.0 += 1;
    }

    fn refuse(&mut self, row: &SourceRow<'_>, error: String) {
        if let Some(receipt) = self.receipts.get_mut(row.source) {
            receipt.refused.push(Refusal { index: row.row.index, error });
        }
    }
}

impl From<rusqlite::Error> for InsertError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error)
    }
}

/// SQLite's own message, which names the constraint, the table and the column.
pub(super) fn reason(error: &rusqlite::Error) -> String {
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
