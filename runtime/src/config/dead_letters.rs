//! The keys for entries that could not be stored and have no sender to go back to.

use std::time::Duration;

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};
use crate::domain::ByteSize;

const DAY_SECONDS: u64 = 86_400;

/// How many dead letters are kept. Past a bound the oldest go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLettersConfig {
    /// How many.
    pub max_count: u64,
    /// How much text.
    pub max_size: ByteSize,
    /// How long.
    pub max_age: Duration,
}

impl Default for DeadLettersConfig {
    fn default() -> Self {
        Self {
            max_count: 100_000,
            max_size: ByteSize(100 << 20),
            max_age: Duration::from_secs(30 * DAY_SECONDS),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "dead_letters_max_count",
        expected: "a whole number of at least 1",
        doc: "How many dead letters are kept: entries of harvesters that could not be stored, and \
              entries that a transform failed on. Past it the oldest go, which the log tells.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.dead_letters.max_count, value::whole(text, 1..=u64::MAX))
        }),
        show: |config| json!(config.dead_letters.max_count),
    },
    Key {
        name: "dead_letters_max_size",
        expected: "a size of at least 1KB, such as 100MB",
        doc: "How much text dead letters may hold together. Past it the oldest go, which the log \
              tells.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.dead_letters.max_size, value::size(text, 1 << 10..=u64::MAX))
        }),
        show: |config| json!(config.dead_letters.max_size.to_string()),
    },
    Key {
        name: "dead_letters_max_days",
        expected: "a number of days from 1 to 36500",
        doc: "How long dead letters are kept, in days. Older ones go with the next commit.",
        read: Reader::Scalar(|config, text| {
            let days = value::whole::<u64>(text, 1..=36_500);
            let age = days.map(|days| Duration::from_secs(days * DAY_SECONDS));
            store(&mut config.dead_letters.max_age, age)
        }),
        show: |config| json!(config.dead_letters.max_age.as_secs() / DAY_SECONDS),
    },
];
