//! The rhythm of work in the background, under the names that older versions of loglite gave it.

use std::time::Duration;

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};
use crate::domain::ByteSize;

/// The rhythm of work in the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TasksConfig {
    /// The time between two measurements of the service and its database.
    pub diagnostics_interval: Duration,
    /// The time between two passes that delete old rows and return pages.
    pub vacuum_interval: Duration,
    /// What one pass may return to the file system.
    pub vacuum_pass_size: ByteSize,
    /// Rows that one transaction of a pass deletes at most.
    pub vacuum_delete_batch_size: usize,
    /// How long measurements are kept, in hours.
    pub stats_retention_hours: u64,
    /// Accepted without effect: commits never wait.
    pub backlog_flush_interval: Duration,
    /// Accepted without effect: the queue is bounded in bytes.
    pub backlog_max_size: usize,
}

impl Default for TasksConfig {
    fn default() -> Self {
        Self {
            diagnostics_interval: Duration::from_secs(60),
            vacuum_interval: Duration::from_secs(120),
            vacuum_pass_size: ByteSize(20 << 20),
            vacuum_delete_batch_size: 2500,
            stats_retention_hours: 24,
            backlog_flush_interval: Duration::from_secs(5),
            backlog_max_size: 100,
        }
    }
}

impl TasksConfig {
    /// How long measurements are kept.
    #[must_use]
    pub fn stats_retention(&self) -> Duration {
        Duration::from_secs(self.stats_retention_hours.saturating_mul(3_600))
    }
}

const SECONDS: &str = "a number of seconds above 0 and at most 31536000";
const COUNT: &str = "a whole number of at least 1";

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "task_diagnostics_interval",
        expected: SECONDS,
        doc: "How often it is noted for GET /stats what was done and how large the database is, in \
              seconds.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.diagnostics_interval, value::seconds(text))
        }),
        show: |config| value::as_seconds(config.tasks.diagnostics_interval),
    },
    Key {
        name: "task_vacuum_interval",
        expected: SECONDS,
        doc: "The time between two passes that delete old rows and return free pages, in seconds.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.vacuum_interval, value::seconds(text))
        }),
        show: |config| value::as_seconds(config.tasks.vacuum_interval),
    },
    Key {
        name: "task_vacuum_max_size",
        expected: "a whole number of megabytes from 1 to 1048576",
        doc: "How much space one pass returns to the file system at most, in megabytes, where \
              `auto_vacuum` is INCREMENTAL. See \"Disk space\" in the README.",
        read: Reader::Scalar(|config, text| {
            let megabytes = value::whole::<u64>(text, 1..=1 << 20);
            store(&mut config.tasks.vacuum_pass_size, megabytes.map(|count| ByteSize(count << 20)))
        }),
        show: |config| json!(config.tasks.vacuum_pass_size.0 >> 20),
    },
    Key {
        name: "vacuum_delete_batch_size",
        expected: COUNT,
        doc: "How many rows one transaction of retention deletes at most. It is short in any case: after 2 ms the next \
              one begins.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.vacuum_delete_batch_size, value::whole(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.tasks.vacuum_delete_batch_size),
    },
    Key {
        name: "stats_retention_hours",
        expected: COUNT,
        doc: "How long what GET /stats answers is kept, in hours.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.stats_retention_hours, value::whole(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.tasks.stats_retention_hours),
    },
    Key {
        name: "task_backlog_flush_interval",
        expected: SECONDS,
        doc: "Accepted from files of older versions and without effect: commits never wait.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.backlog_flush_interval, value::seconds(text))
        }),
        show: |config| value::as_seconds(config.tasks.backlog_flush_interval),
    },
    Key {
        name: "backlog_max_size",
        expected: COUNT,
        doc: "Accepted from files of older versions and without effect: `ingest_queue_size` bounds \
              what waits.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.tasks.backlog_max_size, value::whole(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.tasks.backlog_max_size),
    },
];
