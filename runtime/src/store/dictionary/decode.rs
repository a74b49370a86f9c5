//! Cells of compressed columns as the values they stand for.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension};

use super::cache::{KnownValue, ValueCache};
use super::cell::{owned, shown};
use super::state::ColumnState;
use crate::domain::{ColumnId, Schema};

/// With two rows for one id, the first one counts.
const VALUE: &str =
    "SELECT value FROM column_dictionary WHERE column = ?1 AND value_id = ?2 ORDER BY id LIMIT 1";

/// What a cell stands for.
#[derive(Debug)]
pub(in crate::store) enum Cell<'r> {
    /// A value that stands for itself.
    Itself(ValueRef<'r>),
    /// A value that was escaped.
    Unescaped(Value),
    /// A value of the dictionary.
    Known(Arc<KnownValue>),
}

/// Why a cell has no value.
#[derive(Debug)]
pub(in crate::store) enum CellError {
    /// The dictionary has none for its id.
    Lost {
        /// The id.
        value_id: i64,
    },
    /// The dictionary can't be read.
    Sqlite(rusqlite::Error),
}

/// Reads cells within one snapshot.
#[derive(Debug)]
pub(in crate::store) struct Decoder<'s> {
    connection: &'s Connection,
    /// For each field of a row.
    fields: Vec<Option<Field<'s>>>,
    shared: &'s ValueCache,
    /// Values that this page has met, found without a lock.
    met: HashMap<(usize, i64), Arc<KnownValue>>,
}

#[derive(Debug, Clone, Copy)]
struct Field<'s> {
    column: ColumnId,
    name: &'s str,
    holds_ids: bool,
}

impl<'s> Decoder<'s> {
    /// For rows with these fields. `states` are those of the connection's snapshot. None when no cell of theirs needs to
    /// be decoded.
    pub(in crate::store) fn new(
        connection: &'s Connection,
        (schema, fields): (&'s Schema, &[ColumnId]),
        states: &[ColumnState],
        shared: &'s ValueCache,
    ) -> Option<Self> {
        let field = |column: &ColumnId| {
            let state = states.iter().find(|state| state.column == *column)?;
            let (column, holds_ids) = (state.column, state.holds_ids);
            let is_compressed = holds_ids || state.holds_values;
            is_compressed.then(|| Field { column, name: &schema.column(column).name, holds_ids })
        };
        let fields: Vec<_> = fields.iter().map(field).collect();
        let any = fields.iter().any(Option::is_some);
        any.then(|| Self { connection, fields, shared, met: HashMap::new() })
    }

    /// How many fields a row has.
    pub(in crate::store) fn field_count(&self) -> usize {
        self.fields.len()
    }

    /// What the cell of the field at `at` stands for. `to_json` writes a value of the dictionary as JSON.
    ///
    /// # Errors
    /// [`CellError`]
    pub(in crate::store) fn decode<'r>(
        &mut self,
        at: usize,
        cell: ValueRef<'r>,
        to_json: impl FnOnce(ValueRef<'_>) -> Vec<u8>,
    ) -> Result<Cell<'r>, CellError> {
        let Some(field) = self.fields.get(at).copied().flatten() else {
            return Ok(Cell::Itself(cell));
        };
        match cell {
            ValueRef::Integer(id) if field.holds_ids => {
                if let Some(known) = self.met.get(&(at, id)) {
                    return Ok(Cell::Known(Arc::clone(known)));
                }
                let known = self.look_up(field, id, to_json)?;
                self.met.insert((at, id), Arc::clone(&known));
                Ok(Cell::Known(known))
            }
            ValueRef::Blob(_) => Ok(shown(cell).map_or(Cell::Itself(cell), Cell::Unescaped)),
            other => Ok(Cell::Itself(other)),
        }
    }

    fn look_up(
        &self,
        field: Field<'_>,
        value_id: i64,
        to_json: impl FnOnce(ValueRef<'_>) -> Vec<u8>,
    ) -> Result<Arc<KnownValue>, CellError> {
        let place = (field.column, value_id);
        if let Some(known) = self.shared.get(place) {
            return Ok(known);
        }
        let mut statement = self.connection.prepare_cached(VALUE)?;
        let value = statement.query_row((field.name, value_id), |row| {
            let stored = row.get_ref(0)?;
            Ok(shown(stored).unwrap_or_else(|| owned(stored)))
        });
        let value = value.optional()?.ok_or(CellError::Lost { value_id })?;
        let json = to_json((&value).into());
        let known = Arc::new(KnownValue { value, json });
        self.shared.add(place, Arc::clone(&known));
        Ok(known)
    }
}

impl From<rusqlite::Error> for CellError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Sqlite(cause)
    }
}
