//! The dictionary of one column for those who add to it: from values to ids.
//!
//! Whoever writes calls [`Values::load`], within a transaction that may write, then [`Values::id`] for each value, and
//! [`Values::save`] before the commit. When the transaction is rolled back, or another process has written meanwhile,
//! the [`Values`] must be loaded anew: it may know ids that are not there.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::cell::to_dictionary;
use super::known::KnownIds;

/// Longer values stand for themselves, in bytes: such are hardly ever met twice.
pub(in crate::store) const LONGEST_VALUE: usize = 4 << 10;
/// How much a column's dictionary may hold, in bytes of values.
pub(in crate::store) const MOST_BYTES: i64 = 64 << 20;

const LOAD: &str = "SELECT holds_ids, holds_values, next_value_id, value_count, value_bytes
    FROM loglite_compression WHERE column = ?1";
const SAVE: &str = "UPDATE loglite_compression
    SET holds_values = ?2, next_value_id = ?3, value_count = ?4, value_bytes = ?5 WHERE column = ?1";
/// A dictionary of an earlier generation may hold a value under several ids, and an id with several values, of which the
/// first one counts.
const FIND: &str = "SELECT value_id FROM column_dictionary AS entry
    WHERE column = ?1 AND value = ?2 AND NOT EXISTS (
        SELECT 1 FROM column_dictionary AS first
        WHERE first.column = ?1 AND first.value_id = entry.value_id AND first.id < entry.id)
    ORDER BY id LIMIT 1";
const ADD: &str = "INSERT INTO column_dictionary (column, value_id, value) VALUES (?1, ?2, ?3)";

/// One column's values and their ids, as of the transaction it was loaded in.
#[derive(Debug)]
pub(in crate::store) struct Values {
    column: String,
    max_values: i64,
    known: KnownIds,
    /// Whether integers in the column are ids.
    pub(in crate::store) holds_ids: bool,
    holds_values: bool,
    next_value_id: i64,
    count: i64,
    bytes: i64,
    is_changed: bool,
}

impl Values {
    /// The dictionary of a column, which takes up to `max_values`. None when the column has no state.
    pub(in crate::store) fn load(
        connection: &Connection,
        column: &str,
        max_values: u64,
    ) -> rusqlite::Result<Option<Self>> {
        let mut statement = connection.prepare_cached(LOAD)?;
        let loaded = statement.query_row([column], |row| {
            Ok(Self {
                column: column.to_owned(),
                max_values: i64::try_from(max_values).unwrap_or(i64::MAX),
                known: KnownIds::default(),
                holds_ids: row.get(0)?,
                holds_values: row.get(1)?,
                next_value_id: row.get(2)?,
                count: row.get(3)?,
                bytes: row.get(4)?,
                is_changed: false,
            })
        });
        loaded.optional()
    }

    /// The id of a value other than NULL, a new one if it has none yet. None for what the dictionary does not take: the
    /// value is to stand for itself ([`to_cell`](super::cell::to_cell)), and [`Values::note_own_value`] to be called.
    pub(in crate::store) fn id(
        &mut self,
        connection: &Connection,
        value: ValueRef<'_>,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(id) = self.known.get(value) {
            return Ok(Some(id));
        }
        let bytes = byte_len(value);
        if bytes > LONGEST_VALUE {
            return Ok(None);
        }
        let stored = to_dictionary(value);
        let id = match self.find(connection, &stored)? {
            Some(id) => id,
            None if self.is_full() => return Ok(None),
            None => self.add(connection, &stored, bytes as i64)?,
        };
        self.known.insert(value, id);
        Ok(Some(id))
    }

    /// Whether it takes no more values.
    pub(in crate::store) fn is_full(&self) -> bool {
        self.count >= self.max_values || self.bytes >= MOST_BYTES
    }

    /// How many values it holds.
    pub(in crate::store) fn count(&self) -> i64 {
        self.count
    }

    /// Notes that a cell of the column holds a value that stands for itself.
    pub(in crate::store) fn note_own_value(&mut self) {
        self.is_changed |= !self.holds_values;
        self.holds_values = true;
    }

    /// Whether there is something to save.
    pub(in crate::store) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Writes down what has changed. Before the commit of the rows that hold the ids.
    pub(in crate::store) fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if std::mem::take(&mut self.is_changed) {
            connection.prepare_cached(SAVE)?.execute(rusqlite::params![
                self.column,
                self.holds_values,
                self.next_value_id,
                self.count,
                self.bytes
            ])?;
        }
        Ok(())
    }

    fn find(&self, connection: &Connection, stored: &Value) -> rusqlite::Result<Option<i64>> {
        connection
            .prepare_cached(FIND)?
            .query_row((&self.column, stored), |row| row.get(0))
            .optional()
    }

    fn add(
        &mut self,
        connection: &Connection,
        stored: &Value,
        bytes: i64,
    ) -> rusqlite::Result<i64> {
        let id = self.next_value_id;
        connection.prepare_cached(ADD)?.execute((&self.column, id, stored))?;
        self.next_value_id += 1;
        self.count += 1;
        self.bytes += bytes;
        self.is_changed = true;
        Ok(id)
    }
}

fn byte_len(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
    }
}
