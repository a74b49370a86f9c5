//! Goes through the rows that match a filter in the order of their ids, some at a time, for work that reaches all of them
//! beside the service.
//!
//! Each look is one short query, so no snapshot is held for long, and what is found fits the memory.

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use super::{StoreError, filter_sql};
use crate::domain::{Filter, Operator, RowId, Schema, quote_identifier};

/// Row ids that one look covers, from the first one that there is: some milliseconds.
const SPAN: i64 = 20_000;

/// What to look for.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    filters: Vec<Filter>,
    /// Whether rows are found by their ids only, whatever indexes there are.
    by_row_id: bool,
}

/// What one look has found.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The span of ids that was looked at, both included.
    pub(super) first: RowId,
    pub(super) last: RowId,
    /// The rows in it that match, by rising id.
    pub(super) matches: Vec<Match>,
}

/// A row that matches.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Match {
    pub(super) id: RowId,
    /// As it is stored.
    pub(super) timestamp: SqlValue,
}

impl Scan {
    pub(super) fn new(filters: Vec<Filter>) -> Self {
        // An index on a filter's column continues with the row id, so one that serves equality leads to the matches of
        // the span. A range in an index would be gone through whole for each span.
        let is_range = |filter: &Filter| {
            !matches!(
                filter.operator,
                Operator::Equal | Operator::NotEqual | Operator::Contains | Operator::IsNull
            )
        };
        let by_row_id = filters.iter().any(is_range);
        Self { filters, by_row_id }
    }

    /// Looks at the next rows with ids of at least `from` and at most `to`. None when there are none.
    pub(super) fn look(
        &self,
        connection: &Connection,
        schema: &Schema,
        (from, to): (RowId, RowId),
    ) -> Result<Option<Chunk>, StoreError> {
        let snapshot = connection.unchecked_transaction()?;
        let Some(first) = first_row(&snapshot, schema, from)?.filter(|first| *first <= to) else {
            return Ok(None);
        };
        let last = RowId(first.0.saturating_add(SPAN - 1)).min(to);
        let filter = filter_sql(&snapshot, schema, &self.filters)?;
        let span = [first, last].map(|id| SqlValue::Integer(id.0));
        let mut statement = snapshot.prepare_cached(&self.sql(schema, &filter.text))?;
        let matches = statement
            .query_map(params_from_iter(filter.values.into_iter().chain(span)), |row| {
                Ok(Match { id: RowId(row.get(0)?), timestamp: row.get(1)? })
            })?
            .collect::<Result<_, _>>()?;
        Ok(Some(Chunk { first, last, matches }))
    }

    /// The filter is a condition with placeholders; those of the span come behind them.
    fn sql(&self, schema: &Schema, filter: &str) -> String {
        let row_id = quote_identifier(schema.row_id_name());
        let timestamp = quote_identifier(&schema.column(schema.timestamp()).name);
        let table = quote_identifier(schema.table());
        let indexes = if self.by_row_id { "NOT INDEXED" } else { "" };
        format!(
            "SELECT {row_id}, {timestamp} FROM {table} {indexes}
             WHERE {filter} AND {row_id} >= ? AND {row_id} <= ? ORDER BY {row_id}"
        )
    }
}

/// The first row from this id on.
fn first_row(
    connection: &Connection,
    schema: &Schema,
    from: RowId,
) -> rusqlite::Result<Option<RowId>> {
    let row_id = quote_identifier(schema.row_id_name());
    let table = quote_identifier(schema.table());
    let sql = format!("SELECT min({row_id}) FROM {table} WHERE {row_id} >= ?1");
    let first: Option<i64> =
        connection.prepare_cached(&sql)?.query_row([from.0], |row| row.get(0))?;
    Ok(first.map(RowId))
}
