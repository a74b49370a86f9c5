//! `partition_interval`: how time is cut into database files.

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};

/// The time that one database file covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PartitionInterval {
    /// One file for all time.
    #[default]
    None,
    /// A file per hour (UTC).
    Hourly,
    /// A file per day (UTC).
    Daily,
    /// A file per week, from Monday (UTC).
    Weekly,
    /// A file per month (UTC).
    Monthly,
}

impl PartitionInterval {
    const ALL: [Self; 5] = [Self::None, Self::Hourly, Self::Daily, Self::Weekly, Self::Monthly];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        if value::is_none(name) {
            return Some(Self::None);
        }
        Self::ALL.into_iter().find(|interval| name.eq_ignore_ascii_case(interval.name()))
    }
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "partition_interval",
    expected: "none, hourly, daily, weekly or monthly",
    doc: "The time that one database file covers (UTC): none, hourly, daily, weekly or monthly. Not in \
          this version: anything but none is refused.",
    read: Reader::Scalar(|config, text| {
        store(&mut config.partition_interval, PartitionInterval::from_name(text))
    }),
    show: |config| json!(config.partition_interval.name()),
}];
