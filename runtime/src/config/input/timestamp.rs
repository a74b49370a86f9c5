//! `timestamp`: the field that holds the time of an entry, and how it is written.

use jiff::Timestamp;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::{Content, Node};
use super::super::{TimestampConfig, TimestampFormat, mapping};

pub(super) const EXPECTED: &str =
    "a field, or a mapping with `field` and maybe `format` and `timezone`";
const FIELD: &str = "the name of a field";
const TIMEZONE: &str = "`local`, `UTC` or a name of the time zone database, such as Europe/Berlin";
const FORMAT: &str = "`iso8601`, `rfc3339`, `rfc2822`, `unix`, `unix_ms`, `unix_us`, `unix_ns` or \
                      conversions such as `%Y-%m-%d %H:%M:%S`";
/// What a time without an offset means unless it is said.
const LOCAL: &str = "local";

/// Reads it; none if there is no field.
pub(super) fn read(node: &Node, path: &str, report: &mut Report) -> Option<TimestampConfig> {
    let mut timestamp = TimestampConfig {
        field: String::new(),
        format: TimestampFormat::Iso8601,
        timezone: LOCAL.into(),
    };
    if let Some(text) = node.scalar() {
        if !store(&mut timestamp.field, value::text(text)) {
            report.mismatch(path, node, FIELD);
        }
        return Some(timestamp);
    }
    let mut fields =
        mapping::fields(node, path, EXPECTED, &["field", "format", "timezone"], report);
    fields.retain(|(_, node)| !matches!(node.content, Content::Nothing));
    mapping::require(&fields, &[("field", FIELD)], (node, path), report);
    for (name, node) in fields {
        let text = node.scalar().unwrap_or_default();
        let fault = match name {
            "field" => (!store(&mut timestamp.field, value::text(text))).then(|| FIELD.to_owned()),
            "format" => format(text).map(|format| timestamp.format = format).err(),
            _ => timezone(text).map(|name| timestamp.timezone = name).err(),
        };
        if let Some(expected) = fault {
            report.mismatch(format!("{path}.{name}"), node, &expected);
        }
    }
    Some(timestamp)
}

/// As short as it can be said.
pub(super) fn show(timestamp: &TimestampConfig) -> Value {
    let is_short = timestamp.format == TimestampFormat::Iso8601 && timestamp.timezone == LOCAL;
    if is_short {
        return json!(timestamp.field);
    }
    json!({
        "field": timestamp.field,
        "format": timestamp.format.name(),
        "timezone": timestamp.timezone,
    })
}

impl TimestampFormat {
    const NAMED: [Self; 6] = [
        Self::Iso8601,
        Self::Rfc2822,
        Self::Unix,
        Self::UnixMillis,
        Self::UnixMicros,
        Self::UnixNanos,
    ];

    /// The name by which the configuration calls it, or its conversions.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Iso8601 => "iso8601",
            Self::Rfc2822 => "rfc2822",
            Self::Unix => "unix",
            Self::UnixMillis => "unix_ms",
            Self::UnixMicros => "unix_us",
            Self::UnixNanos => "unix_ns",
            Self::Pattern(pattern) => pattern,
        }
    }
}

fn format(text: &str) -> Result<TimestampFormat, String> {
    if text.contains('%') {
        return check_conversions(text).map(|()| TimestampFormat::Pattern(text.into()));
    }
    // Both mean the same where times are read.
    let name = if text.eq_ignore_ascii_case("rfc3339") { "iso8601" } else { text };
    let named = TimestampFormat::NAMED.into_iter();
    let mut named = named.filter(|format| name.eq_ignore_ascii_case(format.name()));
    named.next().ok_or_else(|| FORMAT.into())
}

/// Writes a time with the conversions and reads it back, as it is the reading that can't do all of them.
fn check_conversions(pattern: &str) -> Result<(), String> {
    let unusable = |error: jiff::Error| format!("conversions that times can be read by ({error})");
    let sample = Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC);
    let written = strtime::format(pattern, &sample).map_err(unusable)?;
    let parts = BrokenDownTime::parse(pattern, &written).map_err(unusable)?;
    // The year may be missing, as in syslog: it is the nearest one then.
    let has_date = parts.timestamp().is_some()
        || parts.to_date().is_ok()
        || (parts.month().is_some() && parts.day().is_some());
    has_date.then_some(()).ok_or_else(|| "conversions with at least month and day".into())
}

fn timezone(text: &str) -> Result<String, String> {
    if text.eq_ignore_ascii_case(LOCAL) {
        return Ok(LOCAL.into());
    }
    let is_known = !text.is_empty() && TimeZone::get(text).is_ok();
    is_known.then(|| text.to_owned()).ok_or_else(|| TIMEZONE.into())
}
