//! The two tables of statistics: their columns, and how rows get into them, out of them, and away.
//!
//! The first columns are those of the C++ generation's `activity_stats` and `database_stats`, in its order and units.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};

use super::clock::written;
use crate::domain::Order;
use crate::store::StoreError;

/// Rows of one answer at most: some ten megabytes.
pub const MAX_SAMPLES: usize = 50_000;

/// Rows that are deleted at once, so that the batches behind hardly wait.
const PRUNE_ROWS: usize = 500;

/// A table of statistics, a row per interval.
#[derive(Debug)]
pub struct Series {
    table: &'static str,
    /// The column that tells when a row was measured. Rows are selected, ordered and deleted by it.
    time: &'static str,
    /// Each column behind `id` with its declaration.
    columns: &'static [(&'static str, &'static str)],
}

/// What was done in each interval. Times are in milliseconds, sizes in bytes.
pub const ACTIVITY: Series = Series {
    table: "loglite_activity_stats",
    time: "until",
    columns: &[
        ("since", "DATETIME NOT NULL"),
        ("until", "DATETIME NOT NULL"),
        ("query_count", "INTEGER"),
        ("query_min", "REAL"),
        ("query_max", "REAL"),
        ("query_avg", "REAL"),
        ("ingest_count", "INTEGER"),
        ("ingest_size_min", "INTEGER"),
        ("ingest_size_max", "INTEGER"),
        ("ingest_size_avg", "INTEGER"),
        ("ingest_drop_count", "INTEGER"),
        ("insert_batch_count", "INTEGER"),
        ("insert_total_count", "INTEGER"),
        ("insert_total_cost", "REAL"),
        ("sse_session_count", "INTEGER"),
        ("http_conn_count", "INTEGER"),
        ("query_fail_count", "INTEGER"),
        ("ingest_size_total", "INTEGER"),
        ("ingest_refuse_count", "INTEGER"),
        ("transform_drop_count", "INTEGER"),
        ("dead_letter_count", "INTEGER"),
        ("harvest_count", "INTEGER"),
        ("insert_max_cost", "REAL"),
        ("delete_count", "INTEGER"),
        ("http_request_count", "INTEGER"),
        ("http_error_count", "INTEGER"),
    ],
};

/// How large the database was at the end of each interval. Sizes are in bytes.
pub const DATABASE: Series = Series {
    table: "loglite_database_stats",
    time: "timestamp",
    columns: &[
        ("timestamp", "DATETIME NOT NULL"),
        ("rows_count", "INTEGER"),
        ("db_size", "INTEGER"),
        ("free_size", "INTEGER"),
        ("wal_size", "INTEGER"),
        ("disk_free", "INTEGER"),
        ("dead_letters_kept", "INTEGER"),
    ],
};

/// Which rows of a series are asked for, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsSpan {
    /// Not older than this, as the tables hold it.
    pub since: String,
    /// Not newer than this.
    pub until: String,
    /// The order by time.
    pub order: Order,
}

impl StatsSpan {
    /// Both times included.
    #[must_use]
    pub fn new(since: Timestamp, until: Timestamp, order: Order) -> Self {
        Self { since: written(since), until: written(until), order }
    }
}

/// A name that is no column of a series.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown field `{name}`; there are: {}", known.join(", "))]
pub struct UnknownStatistic {
    name: String,
    known: Vec<&'static str>,
}

impl Series {
    /// Its columns, in order.
    pub fn fields(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once("id").chain(self.columns.iter().map(|(name, _)| *name))
    }

    /// Reads a list of its columns such as `since,query_count`; `*` is all of them.
    ///
    /// # Errors
    /// [`UnknownStatistic`]
    pub fn select(&self, list: &str) -> Result<Vec<&'static str>, UnknownStatistic> {
        if list.trim() == "*" {
            return Ok(self.fields().collect());
        }
        let find = |name: &str| {
            self.fields().find(|field| *field == name).ok_or_else(|| UnknownStatistic {
                name: name.to_owned(),
                known: self.fields().collect(),
            })
        };
        list.split(',').map(|name| find(name.trim())).collect()
    }

    /// Reads rows as `{"fields":[…],"data":[[…],…]}`; `fields` come from [`Series::select`]. None when there are more
    /// than [`MAX_SAMPLES`]. A database that no loglite with statistics has served has no rows.
    ///
    /// # Errors
    /// [`StoreError::Sqlite`]
    pub fn read(
        &self,
        connection: &Connection,
        fields: &[&str],
        span: &StatsSpan,
    ) -> Result<Option<String>, StoreError> {
        let head = format!("{{\"fields\":{},\"data\":[", json!(fields));
        // Not `table_exists`: it asks what the connection remembers of the schema, and the table may be new.
        let is_there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        if !connection.prepare(is_there)?.exists([self.table])? {
            return Ok(Some(head + "]}"));
        }
        let (time, table) = (self.time, self.table);
        let direction = match span.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let columns = fields.join(", ");
        let sql = format!(
            "SELECT {columns} FROM {table} WHERE {time} BETWEEN ?1 AND ?2
             ORDER BY {time} {direction}, id {direction}"
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([&span.since, &span.until])?;
        let (mut answer, mut count) = (head, 0);
        while let Some(row) = rows.next()? {
            if count == MAX_SAMPLES {
                return Ok(None);
            }
            answer.push_str(if count == 0 { "[" } else { ",[" });
            for at in 0..fields.len() {
                let comma = if at == 0 { "" } else { "," };
                answer.push_str(comma);
                answer.push_str(&to_json(row.get_ref(at)?).to_string());
            }
            answer.push(']');
            count += 1;
        }
        answer.push_str("]}");
        Ok(Some(answer))
    }

    /// Makes the table if it is missing.
    pub(super) fn create(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { table, time, columns } = self;
        let columns: String =
            columns.iter().map(|(name, declared)| format!(", {name} {declared}")).collect();
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY{columns});
             CREATE INDEX IF NOT EXISTS {table}_by_time ON {table} ({time})"
        ))
    }

    /// Adds a row: a value for each column behind `id`.
    pub(super) fn insert(
        &self,
        connection: &Connection,
        values: &[rusqlite::types::Value],
    ) -> rusqlite::Result<()> {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let (table, names, marks) = (self.table, names.join(", "), vec!["?"; names.len()]);
        let sql = format!("INSERT INTO {table} ({names}) VALUES ({})", marks.join(", "));
        connection.execute(&sql, params_from_iter(values))?;
        Ok(())
    }

    /// Deletes rows of before this time, up to a few hundred. Returns how many.
    pub(super) fn prune(&self, connection: &Connection, before: &str) -> rusqlite::Result<usize> {
        let Self { table, time, .. } = self;
        let sql = format!(
            "DELETE FROM {table} WHERE id IN
             (SELECT id FROM {table} WHERE {time} < ?1 ORDER BY {time} LIMIT {PRUNE_ROWS})"
        );
        connection.execute(&sql, [before])
    }
}

fn to_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => {
            let text: Cow<'_, str> = String::from_utf8_lossy(text);
            json!(text)
        }
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Order::{Ascending, Descending};

    fn filled(rows: usize) -> Connection {
        let connection = Connection::open_in_memory().expect("memory");
        DATABASE.create(&connection).expect("created");
        connection
            .execute_batch(&format!(
                "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {rows})
                 INSERT INTO loglite_database_stats (timestamp, rows_count)
                 SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 1000000 + x, 'unixepoch'), x FROM n"
            ))
            .expect("filled");
        connection
    }

    fn read(connection: &Connection, seconds: [i64; 2], order: Order) -> Option<Value> {
        let [since, until] = seconds.map(|second| Timestamp::constant(1_000_000 + second, 0));
        let span = StatsSpan::new(since, until, order);
        let text = DATABASE.read(connection, &["rows_count", "db_size"], &span).expect("readable");
        text.map(|text| serde_json::from_str(&text).expect("JSON"))
    }

    #[test]
    fn rows_are_read_by_time_in_either_order() {
        let connection = filled(9);
        let data = |order| read(&connection, [4, 6], order).map(|answer| answer["data"].clone());
        assert_eq!(data(Ascending), Some(json!([[4, null], [5, null], [6, null]])));
        assert_eq!(data(Descending), Some(json!([[6, null], [5, null], [4, null]])));
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_rows_in_the_order_of_their_times() {
        let connection = filled(3);
        connection
            .execute_batch(
                "INSERT INTO loglite_database_stats (timestamp, rows_count)
                 SELECT timestamp, rows_count + 10 FROM loglite_database_stats WHERE id < 3",
            )
            .expect("a second time");
        let answer = read(&connection, [1, 3], Ascending).expect("few rows");
        let numbers: Vec<_> =
            answer["data"].as_array().expect("rows").iter().map(|row| row[0].clone()).collect();
        assert_eq!(numbers, [1, 11, 2, 12, 3]);
    }

    #[test]
    fn more_rows_than_an_answer_holds_are_none() {
        let most = i64::try_from(MAX_SAMPLES).expect("a small number");
        let connection = filled(MAX_SAMPLES + 1);
        assert!(read(&connection, [1, most], Descending).is_some());
        assert_eq!(read(&connection, [1, most + 1], Descending), None);
    }

    #[test]
    fn old_rows_go_in_steps() {
        let connection = filled(PRUNE_ROWS + 5);
        let cutoff = written(Timestamp::constant(1_000_000 + 504, 0));
        let prune = || DATABASE.prune(&connection, &cutoff).expect("pruned");
        assert_eq!([prune(), prune(), prune()], [PRUNE_ROWS, 3, 0]);
    }

    #[test]
    fn without_a_table_there_are_no_rows() {
        let connection = Connection::open_in_memory().expect("memory");
        let answer = read(&connection, [0, 1], Descending);
        assert_eq!(answer, Some(json!({"fields": ["rows_count", "db_size"], "data": []})));
    }
}
