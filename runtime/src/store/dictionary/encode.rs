//! What the writer puts into the cells of compressed columns: ids, or values that are no ids.
//!
//! Per column it follows the configuration and the column's state, which another process may change: states are read
//! anew whenever `PRAGMA data_version` says that another connection has written, and what is known of the dictionary is
//! forgotten then. The same after a transaction that has added values and failed.

use rusqlite::Connection;
use rusqlite::types::{Value as SqlValue, ValueRef};
use tracing::warn;

use super::cell::{is_as_is, to_cell};
use super::default::DefaultValue;
use super::state::has_states;
use super::values::{MOST_BYTES, Values};
use crate::config::CompressionConfig;
use crate::domain::{Schema, Value};
use crate::metrics::Metrics;

/// What is stored for an entry's value.
#[derive(Debug, PartialEq)]
pub(in crate::store) enum NewCell {
    /// The value as it is.
    AsIs,
    /// The id of the value.
    Id(i64),
    /// The value in another form.
    Other(SqlValue),
}

/// Makes the cells of a table's rows.
#[derive(Debug)]
pub(in crate::store) struct CellEncoder {
    /// One for each writable column in declared order.
    columns: Vec<EncodedColumn>,
    is_idle: bool,
    /// The version of the database for which the states were read.
    data_version: Option<i64>,
    metrics: Metrics,
}

#[derive(Debug)]
struct EncodedColumn {
    name: String,
    /// Whether values are to become ids.
    is_listed: bool,
    max_values: u64,
    /// None while the column holds plain values.
    values: Option<Values>,
    default: Option<DefaultValue>,
    is_warned: bool,
}

impl CellEncoder {
    /// Reads what columns are compressed. [`adopt`](super::adopt::adopt) has made states for those that the configuration
    /// lists.
    pub(in crate::store) fn open(
        connection: &Connection,
        schema: &Schema,
        config: &CompressionConfig,
        metrics: Metrics,
    ) -> rusqlite::Result<Self> {
        let is_listed = |name: &str| {
            config.enabled && config.columns.iter().any(|listed| listed.eq_ignore_ascii_case(name))
        };
        let writable = schema.ids().filter(|id| schema.is_writable(*id));
        let columns = writable
            .map(|id| schema.column(id))
            .map(|column| {
                Ok(EncodedColumn {
                    name: column.name.clone(),
                    is_listed: is_listed(&column.name),
                    max_values: config.max_values,
                    values: None,
                    default: DefaultValue::read(connection, schema.table(), &column.name)?,
                    is_warned: false,
                })
            })
            .collect::<rusqlite::Result<_>>()?;
        let mut encoder = Self { columns, is_idle: true, data_version: None, metrics };
        encoder.load(connection)?;
        encoder.tell_counts();
        Ok(encoder)
    }

    /// At the start of a transaction: looks at the states if the database has changed. Says whether other columns are
    /// plain than before.
    pub(in crate::store) fn begin(
        &mut self,
        connection: &Connection,
        data_version: i64,
    ) -> rusqlite::Result<bool> {
        if self.data_version == Some(data_version) {
            return Ok(false);
        }
        let is_other = self.load(connection)?;
        self.data_version = Some(data_version);
        Ok(is_other)
    }

    /// Whether the column at this position among the writable ones holds plain values, so that SQLite may fill in its
    /// DEFAULT.
    pub(in crate::store) fn is_plain(&self, at: usize) -> bool {
        self.is_idle || self.columns.get(at).is_none_or(|column| column.values.is_none())
    }

    /// What to store for the value of the column at this position. New values are added to the dictionary at once, so not
    /// within a savepoint that may be undone.
    pub(in crate::store) fn cell(
        &mut self,
        connection: &Connection,
        at: usize,
        value: Value<'_>,
    ) -> rusqlite::Result<NewCell> {
        if self.is_idle {
            return Ok(NewCell::AsIs);
        }
        let Some(column) = self.columns.get_mut(at) else { return Ok(NewCell::AsIs) };
        let value = match value {
            _ if column.values.is_none() => return Ok(NewCell::AsIs),
            Value::Null => return Ok(NewCell::AsIs),
            Value::Missing => return column.default_cell(connection),
            Value::Integer(integer) => ValueRef::Integer(integer),
            Value::Real(real) => ValueRef::Real(real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        };
        column.cell(connection, value)
    }

    /// Writes down what the transaction has changed. Before its commit.
    pub(in crate::store) fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.is_idle {
            return Ok(());
        }
        let is_changed = self.values().any(|(_, values)| values.is_changed());
        for column in &mut self.columns {
            if let Some(values) = &mut column.values {
                values.save(connection)?;
            }
        }
        if is_changed {
            self.tell_counts();
        }
        Ok(())
    }

    /// After a transaction that was rolled back: what it has added is not there.
    pub(in crate::store) fn forget(&mut self) {
        if !self.is_idle {
            self.data_version = None;
        }
    }

    fn load(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let load = |column: &EncodedColumn| column.load(connection);
        let loaded: Vec<_> = if has_states(connection)? {
            self.columns.iter().map(load).collect::<rusqlite::Result<_>>()?
        } else {
            self.columns.iter().map(|_| None).collect()
        };
        self.is_idle = loaded.iter().all(Option::is_none);
        let mut is_other = false;
        for (column, values) in self.columns.iter_mut().zip(loaded) {
            is_other |= values.is_some() != column.values.is_some();
            column.values = values;
        }
        Ok(is_other)
    }

    fn values(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), column.values.as_ref()?)))
    }

    fn tell_counts(&self) {
        for (column, values) in self.values() {
            self.metrics.set_dictionary_values(column, values.count());
        }
    }
}

impl EncodedColumn {
    /// None when the column holds plain values. While a listed column is being compressed, its new values must already
    /// be none that look like ids.
    fn load(&self, connection: &Connection) -> rusqlite::Result<Option<Values>> {
        let values = Values::load(connection, &self.name, self.max_values)?;
        Ok(values.filter(|values| values.holds_ids || self.is_listed))
    }

    fn default_cell(&mut self, connection: &Connection) -> rusqlite::Result<NewCell> {
        let Some(default) = &self.default else { return Ok(NewCell::AsIs) };
        let value = default.value(connection)?;
        if value == SqlValue::Null {
            return Ok(NewCell::AsIs);
        }
        Ok(match self.cell(connection, ValueRef::from(&value))? {
            NewCell::AsIs => NewCell::Other(value),
            other => other,
        })
    }

    fn cell(&mut self, connection: &Connection, value: ValueRef<'_>) -> rusqlite::Result<NewCell> {
        let Some(values) = &mut self.values else { return Ok(NewCell::AsIs) };
        if self.is_listed
            && values.holds_ids
            && let Some(id) = values.id(connection, value)?
        {
            return Ok(NewCell::Id(id));
        }
        values.note_own_value();
        self.warn_once();
        Ok(if is_as_is(value) { NewCell::AsIs } else { NewCell::Other(to_cell(value)) })
    }

    fn warn_once(&mut self) {
        let Some(values) = &self.values else { return };
        let is_expected = self.is_listed && values.holds_ids && !values.is_full();
        if is_expected || std::mem::replace(&mut self.is_warned, true) {
            return;
        }
        let column = self.name.as_str();
        if !self.is_listed {
            warn!(
                column,
                "a compressed column is not in `compression.columns`, or compression is not enabled: new values are \
                 stored as they are; list the column, or run `loglite decompress` for it"
            );
        } else if !values.holds_ids {
            warn!(
                column,
                "the column is in `compression.columns` but not compressed: new values are stored as they are; run \
                 `loglite compress` for it"
            );
        } else {
            warn!(
                column,
                values = values.count(),
                most_values = self.max_values,
                most_bytes = MOST_BYTES,
                "the dictionary of the column is full: further values are stored as they are; raise \
                 `compression.max_values`, or take the column out of `compression.columns` if most of its values differ"
            );
        }
    }
}
