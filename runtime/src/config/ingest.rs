//! The keys for the way of entries into the table.

use serde_json::{Value, json};

use super::Config;
use super::key::{Key, Reader};
use super::report::Report;
use super::value::{self, store};
use crate::domain::ByteSize;

/// Under this many rows a transaction's fixed cost would rule.
const LEAST_BATCH_ROWS: usize = 1000;

/// The way of entries into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestConfig {
    /// Bytes of rows that may wait for the writer.
    pub ingest_queue_size: ByteSize,
    /// Rows of one transaction at most.
    pub batch_rows: usize,
    /// The JSON column that keeps keys which are no column; without it they are dropped and reported.
    pub unknown_fields_column: Option<String>,
    /// The column that gets the name of an entry's source.
    pub source_column: Option<String>,
    /// How columns declared JSON are given to clients.
    pub json_columns: JsonColumns,
}

/// How columns declared JSON are given to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonColumns {
    /// As JSON.
    Json,
    /// As a string that holds JSON, as the earlier generations did.
    Text,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            ingest_queue_size: ByteSize(64 << 20),
            batch_rows: 10_000,
            unknown_fields_column: None,
            source_column: None,
            json_columns: JsonColumns::Json,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "ingest_queue_size",
        expected: "a size of at least 1KB, such as 64MB",
        doc: "How much memory rows that wait for the writer may take. When it is full, requests are \
              answered with 429 and a Retry-After.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.ingest.ingest_queue_size, value::size(text, 1 << 10..=u64::MAX))
        }),
        show: |config| json!(config.ingest.ingest_queue_size.to_string()),
    },
    Key {
        name: "task_backlog_max_size",
        expected: "a whole number of at least 1",
        doc: "The most rows of one transaction. It bounds a transaction and never delays one: the \
              writer commits what is there. Less than 1000 is taken as 1000.",
        read: Reader::Scalar(|config, text| {
            let rows = value::whole::<usize>(text, 1..=u64::MAX);
            store(&mut config.ingest.batch_rows, rows.map(|rows| rows.max(LEAST_BATCH_ROWS)))
        }),
        show: |config| json!(config.ingest.batch_rows),
    },
    Key {
        name: "unknown_fields_column",
        expected: "the name of a column, or `none`",
        doc: "The JSON column that keeps the keys of an entry which are no column, as one object. \
              With none they are dropped and named as `ignored_fields` in the answer.",
        read: Reader::Scalar(|config, text| {
            let column = (!value::is_none(text)).then(|| text.to_owned());
            store(&mut config.ingest.unknown_fields_column, Some(column))
        }),
        show: |config| config.ingest.unknown_fields_column.as_deref().unwrap_or("none").into(),
    },
    Key {
        name: "source_column",
        expected: "the name of a column, or `none`",
        doc: "The column that gets where an entry comes from, if the entry has no value for it: `http`, \
              or the name of a harvester. With none nothing tells.",
        read: Reader::Scalar(|config, text| {
            let column = (!value::is_none(text)).then(|| text.to_owned());
            store(&mut config.ingest.source_column, Some(column))
        }),
        show: |config| config.ingest.source_column.as_deref().unwrap_or("none").into(),
    },
    Key {
        name: "json_columns",
        expected: "`json` or `text`",
        doc: "How columns declared JSON are given to clients: `json` as JSON, `text` as a string that \
              holds JSON, as older versions of loglite did.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.ingest.json_columns, JsonColumns::from_name(text))
        }),
        show: |config| Value::from(config.ingest.json_columns.name()),
    },
];

/// Each column that loglite fills gets one thing only.
pub(super) fn check(config: &Config, report: &mut Report) {
    let Some(column) = &config.ingest.source_column else { return };
    let taken = [
        ("unknown_fields_column", config.ingest.unknown_fields_column.as_ref()),
        ("log_timestamp_field", Some(&config.database.log_timestamp_field)),
    ];
    for (key, _) in taken.iter().filter(|(_, name)| *name == Some(column)) {
        let expected = format!("another column than `{key}`");
        report.mismatch_of_key("source_column", expected, format!("`{column}`"));
    }
}

impl JsonColumns {
    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Json, Self::Text].into_iter().find(|way| name.eq_ignore_ascii_case(way.name()))
    }
}
