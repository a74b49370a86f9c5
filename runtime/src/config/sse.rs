//! The keys of live subscriptions.

use std::time::Duration;

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};

/// Live subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseConfig {
    /// Entries of one event at most.
    pub sse_limit: usize,
    /// The least time between two events.
    pub sse_debounce: Duration,
    /// The silence after which a comment is sent.
    pub sse_heartbeat: Duration,
}

impl Default for SseConfig {
    fn default() -> Self {
        Self {
            sse_limit: 1000,
            sse_debounce: Duration::from_millis(500),
            sse_heartbeat: Duration::from_secs(10),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "sse_limit",
        expected: "a whole number from 1 to 1000000",
        doc: "The most entries of one server-sent event. More entries make more events; none is left \
              out.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.sse.sse_limit, value::whole(text, 1..=1_000_000))
        }),
        show: |config| json!(config.sse.sse_limit),
    },
    Key {
        name: "sse_debounce_ms",
        expected: "a number of milliseconds from 0 to 86400000",
        doc: "The least time between two events of a subscription, in milliseconds. Entries that \
              come in meanwhile are sent together.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.sse.sse_debounce, value::millis(text, 0))
        }),
        show: |config| value::as_millis(config.sse.sse_debounce),
    },
    Key {
        name: "sse_heartbeat_ms",
        expected: "a number of milliseconds from 1 to 86400000",
        doc: "After this long without an event a comment is sent, in milliseconds, so that proxies \
              keep the connection and a lost client is noticed.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.sse.sse_heartbeat, value::millis(text, 1))
        }),
        show: |config| value::as_millis(config.sse.sse_heartbeat),
    },
];
