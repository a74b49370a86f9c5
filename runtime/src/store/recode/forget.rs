//! Deleting the values that no row needs any more.

use std::time::Instant;

use rusqlite::params;

use super::column_state::{self, ColumnCells};
use super::{RecodeError, Recoder, Step, batch};
use crate::store::dictionary::{owned, unescaped};

impl Recoder<'_> {
    /// Deletes some of the column's entries, those with the smallest ids first.
    pub(super) fn forget(&mut self) -> Result<Step, RecodeError> {
        let transaction = batch::immediate(self.connection)?;
        let begun = Instant::now();
        let cells = column_state::read(&transaction, &self.target.name)?;
        if !matches!(cells, ColumnCells::Plain | ColumnCells::Escaped) {
            drop(transaction);
            self.enter_next_phase()?;
            return Ok(Step::Wrote(begun.elapsed()));
        }
        let (count, bytes) = self.delete_entries()?;
        let sql = "UPDATE loglite_compression SET
                value_count = CASE ?2 WHEN 0 THEN 0 ELSE max(value_count - ?2, 0) END,
                value_bytes = CASE ?2 WHEN 0 THEN 0 ELSE max(value_bytes - ?3, 0) END
            WHERE column = ?1";
        self.connection.prepare_cached(sql)?.execute(params![self.target.name, count, bytes])?;
        transaction.commit()?;
        self.adapt(count as usize, begun.elapsed());
        if count == 0 {
            self.phase = None;
        }
        Ok(Step::Wrote(begun.elapsed()))
    }

    /// Returns how many, and how long their values were.
    fn delete_entries(&self) -> rusqlite::Result<(i64, i64)> {
        let sql = "DELETE FROM column_dictionary WHERE id IN (
                SELECT id FROM column_dictionary WHERE column = ?1 ORDER BY value_id LIMIT ?2)
            RETURNING value";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement
            .query(params![self.target.name, i64::try_from(self.batch_rows).unwrap_or(1)])?;
        let (mut count, mut bytes) = (0, 0);
        while let Some(row) = rows.next()? {
            let stored = row.get_ref(0)?;
            let value = unescaped(stored).unwrap_or_else(|| owned(stored));
            count += 1;
            bytes += match value {
                rusqlite::types::Value::Null => 0,
                rusqlite::types::Value::Integer(_) | rusqlite::types::Value::Real(_) => 8,
                rusqlite::types::Value::Text(text) => text.len() as i64,
                rusqlite::types::Value::Blob(bytes) => bytes.len() as i64,
            };
        }
        Ok((count, bytes))
    }
}
