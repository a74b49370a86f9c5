//! Filters as SQL conditions, as of one snapshot of the database.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::StoreError;
use super::dictionary::{ColumnState, Dictionary, Ids, Lost, Standing};
use super::select::{Sql, Walk};
use crate::domain::{Filter, Schema};

/// Filters with what a snapshot of the dictionary says of them.
#[derive(Debug, Clone)]
pub(super) struct Matching<'f> {
    tests: Vec<Test<'f>>,
}

/// One filter, and how to find its values.
#[derive(Debug, Clone)]
pub(super) struct Test<'f> {
    pub(super) filter: &'f Filter,
    pub(super) cells: Cells,
}

/// What the cells of a filter's column hold.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    /// Values as they are.
    Plain,
    /// Values that stand for themselves, some of them escaped.
    Escaped,
    /// Ids, and perhaps values as well.
    Ids { ids: Ids, others: Standing },
}

impl<'f> Matching<'f> {
    /// Looks up what the filters on compressed columns ask for. `states` are those of the connection's snapshot.
    pub(super) fn resolve(
        (connection, schema): (&Connection, &Schema),
        states: &[ColumnState],
        filters: &'f [Filter],
        lost: Lost,
    ) -> rusqlite::Result<Self> {
        let test = |filter: &'f Filter| {
            let state = states.iter().find(|state| state.column == filter.column);
            let cells = match state {
                Some(state) if state.holds_ids => {
                    let column = &schema.column(filter.column).name;
                    let ids = Dictionary { connection, column }.find(filter, lost)?;
                    let others = if state.holds_values { Standing::Some } else { Standing::None };
                    Cells::Ids { ids, others }
                }
                Some(state) if state.holds_values => Cells::Escaped,
                _ => Cells::Plain,
            };
            Ok(Test { filter, cells })
        };
        Ok(Self { tests: filters.iter().map(test).collect::<rusqlite::Result<_>>()? })
    }

    pub(super) fn tests(&self) -> &[Test<'f>] {
        &self.tests
    }
}

/// The conditions of filters, for a statement of one's own: `SELECT … FROM "Log" WHERE {text}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilterSql {
    /// An expression in parentheses, true where all filters hold; `(1)` without filters. Columns have no table before
    /// them, placeholders are `?`.
    pub(crate) text: String,
    /// What is bound to the placeholders, in their order.
    pub(crate) values: Vec<Value>,
}

/// Makes SQL of filters that finds compressed values, too.
///
/// It is right for the snapshot in which it was made: call it within the transaction that runs the statement, and anew
/// in the next one. Any connection that [`open_writer`](super::open_writer), [`open_beside`](super::open_beside) or
/// [`open_reader`](super::open_reader) has opened will do. A row whose value is lost (an id that is not in the
/// dictionary) is no match for a comparison, so a statement that deletes leaves it alone.
///
/// # Errors
/// [`StoreError::Sqlite`] when the database can't be read.
pub(crate) fn filter_sql(
    connection: &Connection,
    schema: &Schema,
    filters: &[Filter],
) -> Result<FilterSql, StoreError> {
    let states = super::dictionary::read_states(connection, schema)?;
    let matching = Matching::resolve((connection, schema), &states, filters, Lost::Left)?;
    let mut sql = Sql::default();
    sql.push("(1");
    for test in matching.tests() {
        sql.push(" AND ");
        sql.test(schema, test, Walk::Planner);
    }
    sql.push(")");
    Ok(FilterSql { text: sql.text, values: sql.values })
}
