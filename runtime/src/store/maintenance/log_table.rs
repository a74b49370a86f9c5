//! The log table as maintenance reads it: row ids and times, from the oldest row on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};

use crate::domain::{Affinity, Schema, UnixMicros, quote_identifier};

/// Rows that are looked at in one go.
pub(super) const CHUNK_ROWS: usize = 2000;
/// A look ends after this time, with fewer rows: they may be large.
const LONGEST_LOOK: Duration = Duration::from_millis(200);
/// Among this many of the newest rows one should be young: others may have arrived late.
const NEWEST_ROWS: usize = 1000;

/// A row, and its time where it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    pub(super) id: i64,
    pub(super) time: Option<UnixMicros>,
}

/// The SQL of the table.
#[derive(Debug)]
pub(super) struct LogTable {
    pub(super) name: String,
    pub(super) affinity: Affinity,
    pub(super) delete: Arc<str>,
    first: String,
    from: String,
    newest: String,
    between_times: Option<String>,
}

impl LogTable {
    pub(super) fn new(schema: &Schema) -> Self {
        let timestamp = schema.column(schema.timestamp());
        let (table, id) =
            (quote_identifier(schema.table()), quote_identifier(schema.row_id_name()));
        let time = quote_identifier(&timestamp.name);
        let is_indexed =
            schema.timestamp_indexed() && schema.row_id_column() != Some(schema.timestamp());
        Self {
            name: schema.table().to_owned(),
            affinity: timestamp.affinity,
            delete: format!("DELETE FROM {table} WHERE {id} = ?1").into(),
            first: format!("SELECT min({id}) FROM {table}"),
            from: format!("SELECT {id}, {time} FROM {table} WHERE {id} >= ?1 ORDER BY {id} LIMIT {CHUNK_ROWS}"),
            newest: format!("SELECT {id}, {time} FROM {table} ORDER BY {id} DESC LIMIT {NEWEST_ROWS}"),
            between_times: is_indexed.then(|| {
                format!(
                    "SELECT {id}, {time} FROM {table} WHERE {time} >= ?1 AND {time} < ?2 ORDER BY {time} LIMIT {CHUNK_ROWS}"
                )
            }),
        }
    }

    /// The id of the oldest row.
    pub(super) fn first(&self, reader: &Connection) -> rusqlite::Result<Option<i64>> {
        reader.prepare_cached(&self.first)?.query_row([], |row| row.get(0))
    }

    /// Rows with this id and higher ones, up to [`CHUNK_ROWS`]. None: there are no more.
    pub(super) fn from(&self, reader: &Connection, id: i64) -> rusqlite::Result<Vec<Dated>> {
        look(reader, &self.from, [id])
    }

    /// The latest time of the newest rows, where one can be read. Times after `now` say nothing: they are wrong, or it is.
    pub(super) fn newest(
        &self,
        reader: &Connection,
        now: UnixMicros,
    ) -> rusqlite::Result<Option<UnixMicros>> {
        let rows = look(reader, &self.newest, [])?;
        Ok(rows.into_iter().filter_map(|row| row.time).filter(|time| *time <= now).max())
    }

    /// Rows whose timestamps, as they are stored, are in the range, the lowest first, up to [`CHUNK_ROWS`]. None where no
    /// index starts with the timestamp.
    pub(super) fn between_times<T: rusqlite::ToSql>(
        &self,
        reader: &Connection,
        range: [&T; 2],
    ) -> rusqlite::Result<Vec<Dated>> {
        self.between_times.as_ref().map_or_else(|| Ok(Vec::new()), |sql| look(reader, sql, range))
    }

    pub(super) fn is_indexed(&self) -> bool {
        self.between_times.is_some()
    }
}

fn look(reader: &Connection, sql: &str, parameters: impl Params) -> rusqlite::Result<Vec<Dated>> {
    let begun = Instant::now();
    let mut statement = reader.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Dated { id: row.get(0)?, time: time_of(row.get_ref(1)?) });
        if begun.elapsed() > LONGEST_LOOK {
            break;
        }
    }
    Ok(found)
}

/// The time that a stored timestamp says.
pub(super) fn time_of(value: ValueRef<'_>) -> Option<UnixMicros> {
    match value {
        ValueRef::Integer(number) => Some(UnixMicros::from_integer(number)),
        ValueRef::Real(number) => UnixMicros::from_real(number),
        ValueRef::Text(text) => UnixMicros::from_text(text),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}
