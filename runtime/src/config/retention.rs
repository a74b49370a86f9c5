//! The keys for deleting old rows.

use serde_json::json;

use super::key::{Key, Reader};
use super::report::Report;
use super::retention_rule::{self, RetentionRule};
use super::root::Config;
use super::value::{self, store};
use crate::domain::ByteSize;

/// When old rows are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionConfig {
    /// The age at which rows are deleted, in days.
    pub vacuum_max_days: u64,
    /// The database size at which the oldest rows are deleted.
    pub vacuum_max_size: ByteSize,
    /// The size down to which they are deleted; never above `vacuum_max_size`.
    pub vacuum_target_size: ByteSize,
    /// Rows that go earlier.
    pub rules: Vec<RetentionRule>,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            vacuum_max_days: 3650,
            vacuum_max_size: ByteSize(1 << 40),
            vacuum_target_size: ByteSize(800 << 30),
            rules: Vec::new(),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "vacuum_max_days",
        expected: "a number of days of at least 1",
        doc: "Delete rows that are older than this, in days, by the column `log_timestamp_field`. See \
              \"Retention\" in the README.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.retention.vacuum_max_days, value::whole(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.retention.vacuum_max_days),
    },
    Key {
        name: "vacuum_max_size",
        expected: SIZE,
        doc: "Delete the oldest rows when the database is larger than this: its pages in use, without free ones and \
              the write-ahead log.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.retention.vacuum_max_size, value::size(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.retention.vacuum_max_size.to_string()),
    },
    Key {
        name: "vacuum_target_size",
        expected: SIZE,
        doc: "Delete down to this size then; at most `vacuum_max_size`.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.retention.vacuum_target_size, value::size(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.retention.vacuum_target_size.to_string()),
    },
    Key {
        name: "retention",
        expected: retention_rule::EXPECTED,
        doc: "Rows that go earlier than `vacuum_max_days` says, as a list of rules. A rule has `where`, a filter as in \
              GET /logs, and `max_days`, the age in days at which rows that match it are deleted, such as 0.5.",
        read: Reader::Nested(retention_rule::read),
        show: |config| config.retention.rules.iter().map(retention_rule::show).collect(),
    },
];

const SIZE: &str = "a number of bytes or a number with KB, MB, GB or TB, such as 500MB";

/// Reports sizes that contradict each other.
pub(super) fn check(config: &Config, report: &mut Report) {
    let RetentionConfig { vacuum_max_size: max, vacuum_target_size: target, .. } = config.retention;
    if target > max {
        let expected = format!("at most `vacuum_max_size`, which is {max}");
        let is_default = !report.is_set("vacuum_target_size");
        let found = if is_default {
            format!("its default {target}; set it, too")
        } else {
            format!("`{target}`")
        };
        report.mismatch_of_key("vacuum_target_size", expected, found);
    }
}
