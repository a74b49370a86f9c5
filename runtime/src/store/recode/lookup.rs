//! Values for ids, as the dictionary has them.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::dictionary::{owned, unescaped};

/// What the cache may hold before it begins anew.
const CACHE_VALUES: usize = 65_536;
const CACHE_BYTES: usize = 16 << 20;

/// The values of one column's ids. An id's value never changes, so it may be kept.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    known: HashMap<i64, Value>,
    known_bytes: usize,
}

impl Lookup {
    /// The value of an id; none when the dictionary lacks it.
    pub(super) fn value_of(
        &mut self,
        connection: &Connection,
        column: &str,
        id: i64,
    ) -> rusqlite::Result<Option<&Value>> {
        if !self.known.contains_key(&id) {
            let sql = "SELECT value FROM column_dictionary WHERE column = ?1 AND value_id = ?2 ORDER BY id LIMIT 1";
            let found = connection
                .prepare_cached(sql)?
                .query_row(params![column, id], |row| {
                    let stored = row.get_ref(0)?;
                    Ok(unescaped(stored).unwrap_or_else(|| owned(stored)))
                })
                .optional()?;
            let Some(value) = found else { return Ok(None) };
            self.remember(id, value);
        }
        Ok(self.known.get(&id))
    }

    fn remember(&mut self, id: i64, value: Value) {
        if self.known.len() >= CACHE_VALUES || self.known_bytes > CACHE_BYTES {
            self.known.clear();
            self.known_bytes = 0;
        }
        self.known_bytes += match &value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            _ => 0,
        };
        self.known.insert(id, value);
    }
}
