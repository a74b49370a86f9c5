//! The parts of a line.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::priority::Priority;
use crate::{rfc3164, rfc5424};

/// The parts of a line. What the line does not tell is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) facility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) procid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) msgid: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) structured_data: Map<String, Value>,
    pub(crate) message: &'a str,
}

impl<'a> Line<'a> {
    /// Parses a line, which came in about now. RFC 3164's timestamps are of this zone.
    pub(crate) fn parse(text: &'a str, zone: Offset, now: Timestamp) -> Option<Self> {
        let text = text.trim_end_matches(['\r', '\n']);
        let Some((priority, rest)) = Priority::parse(text) else {
            // Files that syslog daemons write have no priorities.
            return rfc3164::parse(text, zone, now);
        };
        let line = match rest.strip_prefix("1 ") {
            Some(rest) => rfc5424::parse(rest),
            None => rfc3164::parse(rest, zone, now),
        }?;
        Some(Self {
            facility: Some(priority.facility),
            severity: Some(priority.severity),
            level: Some(priority.level),
            ..line
        })
    }
}
