//! What a filter would delete.

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::domain::{Filter, RowId, Schema, quote_identifier};
use crate::store::{StoreError, filter_sql};

/// The rows that a filter finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// How many there are.
    pub rows: u64,
    /// The smallest and the largest timestamp, as they are stored; none when no row has one.
    pub timestamps: Option<(String, String)>,
    /// The oldest and the newest row id; none when there are no rows.
    pub row_ids: Option<(RowId, RowId)>,
}

/// The rows up to `newest`.
pub(super) fn survey(
    connection: &Connection,
    schema: &Schema,
    filters: &[Filter],
    newest: RowId,
) -> Result<Survey, StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    let filter = filter_sql(&snapshot, schema, filters)?;
    let row_id = quote_identifier(schema.row_id_name());
    let timestamp = quote_identifier(&schema.column(schema.timestamp()).name);
    let table = quote_identifier(schema.table());
    // The plus leaves it to the filter which index is used.
    let sql = format!(
        "SELECT count(*), min({timestamp}), max({timestamp}), min({row_id}), max({row_id})
         FROM {table} WHERE {} AND +{row_id} <= ?",
        filter.text
    );
    let values = filter.values.into_iter().chain([SqlValue::Integer(newest.0)]);
    let survey = snapshot.prepare(&sql)?.query_row(params_from_iter(values), |row| {
        let (oldest, newest) = (shown(row.get_ref(1)?), shown(row.get_ref(2)?));
        let (first, last): (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
        Ok(Survey {
            rows: row.get::<_, i64>(0)?.unsigned_abs(),
            timestamps: oldest.zip(newest),
            row_ids: first.map(RowId).zip(last.map(RowId)),
        })
    })?;
    Ok(survey)
}

fn shown(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(integer) => Some(integer.to_string()),
        ValueRef::Real(real) => Some(real.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            Some(String::from_utf8_lossy(text).escape_debug().to_string())
        }
    }
}
