//! The keys of the database file and the log table.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::Pragma;
use super::key::{Key, Reader};
use super::pragmas;
use super::value::{self, store};

/// The names of bookkeeping tables beside those that start with `loglite_`.
const OWN_TABLES: [&str; 2] = ["versions", "column_dictionary"];

/// The database file and the log table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// The directory of the database; the file in it is `logs.db`.
    pub sqlite_dir: PathBuf,
    /// PRAGMAs in file order.
    pub sqlite_params: Vec<Pragma>,
    /// The table that entries are written to.
    pub log_table_name: String,
    /// The column that orders and ages entries.
    pub log_timestamp_field: String,
    /// Whether pending migrations are applied at start.
    pub auto_rollout: bool,
    /// Read-only connections.
    pub db_pool_size: usize,
    /// How long a query may take before it is interrupted.
    pub query_timeout: Duration,
}

impl DatabaseConfig {
    /// The database file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.sqlite_dir.join("logs.db")
    }
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            sqlite_dir: "./db".into(),
            sqlite_params: Vec::new(),
            log_table_name: "Log".into(),
            log_timestamp_field: "timestamp".into(),
            auto_rollout: false,
            db_pool_size: 2,
            query_timeout: Duration::from_secs(30),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "sqlite_dir",
        expected: "the path of a directory",
        doc: "The directory of the database, created if it is missing; the database is `logs.db` in \
              it. A relative path starts where loglite is started.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.sqlite_dir, value::text(text).map(PathBuf::from))
        }),
        show: |config| json!(config.database.sqlite_dir),
    },
    Key {
        name: "sqlite_params",
        expected: pragmas::EXPECTED,
        doc: "SQLite PRAGMAs, set in this order on the writing connection. With `synchronous: FULL` \
              acknowledged entries survive a power cut, with NORMAL they survive a crash of loglite.",
        read: Reader::Nested(pragmas::read),
        show: |config| pragmas::show(&config.database.sqlite_params),
    },
    Key {
        name: "log_table_name",
        expected: "a table name that is not one of loglite's own or SQLite's (`loglite_…`, \
                   `sqlite_…`, `versions`, `column_dictionary`)",
        doc: "The table that entries are written to and read from. The migrations create it.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.log_table_name, table_name(text))
        }),
        show: |config| json!(config.database.log_table_name),
    },
    Key {
        name: "log_timestamp_field",
        expected: "the name of a column",
        doc: "The column that orders entries and tells their age. It should be indexed.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.log_timestamp_field, value::text(text))
        }),
        show: |config| json!(config.database.log_timestamp_field),
    },
    Key {
        name: "auto_rollout",
        expected: value::BOOLEAN,
        doc: "Apply pending migrations at start. Otherwise `loglite migrate rollout` does.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.auto_rollout, value::boolean(text))
        }),
        show: |config| json!(config.database.auto_rollout),
    },
    Key {
        name: "db_pool_size",
        expected: "`auto` or a whole number from 1 to 1024",
        doc: "Connections that answer queries, so as many queries run at once. `auto` takes one per \
              processor.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.db_pool_size, pool_size(text))
        }),
        show: |config| json!(config.database.db_pool_size),
    },
    Key {
        name: "query_timeout_ms",
        expected: "a number of milliseconds from 1 to 86400000",
        doc: "How long a query may take, in milliseconds. A longer one is interrupted and answered \
              with 504.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.database.query_timeout, value::millis(text, 1))
        }),
        show: |config| value::as_millis(config.database.query_timeout),
    },
];

fn table_name(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let taken = lower.starts_with("loglite_")
        || lower.starts_with("sqlite_")
        || OWN_TABLES.contains(&lower.as_str());
    value::text(text).filter(|_| !taken)
}

fn pool_size(text: &str) -> Option<usize> {
    if text.eq_ignore_ascii_case("auto") {
        return Some(std::thread::available_parallelism().map_or(1, usize::from));
    }
    value::whole(text, 1..=1024)
}
