//! Cells of a compressed column that loglite has not made: a migration has dropped the column and added it again, or
//! another program has written to it.

use rusqlite::Connection;
use tracing::warn;

use crate::domain::{Schema, quote_identifier};

/// So many of the newest rows are looked at.
const SAMPLE_ROWS: i64 = 1000;
const FILTERS_LOOK_AT_VALUES: &str =
    "UPDATE loglite_compression SET holds_values = 1 WHERE column = ?1";

/// Makes filters look at values that stand for themselves, and tells of numbers that are no ids.
pub(super) fn look_for_strays(
    connection: &Connection,
    schema: &Schema,
    column: &str,
) -> rusqlite::Result<()> {
    let (table, name) = (quote_identifier(schema.table()), quote_identifier(column));
    let row_id = quote_identifier(schema.row_id_name());
    let sql = format!(
        "SELECT count(*) FILTER (WHERE typeof(cell) IN ('real', 'text', 'blob')),
            count(*) FILTER (WHERE typeof(cell) = 'integer' AND NOT EXISTS (
                SELECT 1 FROM column_dictionary WHERE column = ?1 AND value_id = cell))
         FROM (SELECT {name} AS cell FROM {table} ORDER BY {row_id} DESC LIMIT ?2)"
    );
    let (values, numbers): (i64, i64) =
        connection.query_row(&sql, (column, SAMPLE_ROWS), |row| Ok((row.get(0)?, row.get(1)?)))?;
    if values > 0 {
        connection.execute(FILTERS_LOOK_AT_VALUES, [column])?;
    }
    if numbers > 0 {
        warn!(
            column,
            numbers,
            "newest rows of the compressed column hold numbers that are no ids of `column_dictionary`, and can't be read; \
             if a migration has just dropped the column and added it again, stop loglite, set `holds_ids` of the column to 0 \
             in `loglite_compression`, and run `loglite compress` for it; if another program writes to it, it must not \
             write numbers"
        );
    }
    Ok(())
}
