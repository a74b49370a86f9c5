//! Syslog messages, RFC 5424 and RFC 3164.

use chrono::{Datelike, FixedOffset, Timelike, Utc};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use syslog_loose::{
    IncompleteDate, Message, StructuredElement, SyslogFacility, SyslogSeverity, Variant,
    decompose_pri, parse_message_with_year_exact_tz,
};

use super::clock::{in_zone, nearest, zone};
use super::entry::{EntryWriter, FieldValue, time_text};
use super::json_string::{key, push_string};
use super::shape::Shape;
use crate::config::LineConfig;

/// The field of the time, where something is done with it.
const TIME_FIELD: &str = "timestamp";

/// Reads syslog messages.
#[derive(Debug)]
pub(super) struct Syslog {
    /// Where times without an offset were noted.
    zone: TimeZone,
    time_field: String,
    message_field: String,
}

impl Syslog {
    pub(super) fn new(config: &LineConfig, shape: &Shape) -> Self {
        let timezone = config.timestamp.as_ref().map(|time| time.timezone.as_str());
        let is_mapped = shape.role(TIME_FIELD).is_some();
        Self {
            zone: zone(timezone.unwrap_or("local")),
            time_field: if is_mapped { TIME_FIELD } else { &shape.timestamp_column }.into(),
            message_field: config.message_field.clone(),
        }
    }

    /// Writes what a message says as fields. Returns whether it is one.
    pub(super) fn read(&self, line: &str, entry: &mut EntryWriter<'_, '_>) -> bool {
        // Dates without an offset are read as if in UTC, and set right afterwards.
        let year = |date: IncompleteDate| self.year(date);
        match parse_message_with_year_exact_tz(line, year, Some(Utc), Variant::Either) {
            Ok(message) => {
                let time = message.timestamp.and_then(|time| self.time(time, line));
                self.message(&message, time, entry);
                true
            }
            Err(_) => self.bare(line, entry),
        }
    }

    fn year(&self, (month, day, hour, minute, second): IncompleteDate) -> i32 {
        let small = |number: u32| i8::try_from(number).unwrap_or(-1);
        let time = Time::new(small(hour), small(minute), small(second), 0).unwrap_or_default();
        let date = nearest(small(month), small(day), time, &self.zone);
        date.map_or(0, |date| date.year().into())
    }

    fn time(&self, time: chrono::DateTime<FixedOffset>, line: &str) -> Option<Timestamp> {
        if is_zoned(line) {
            let nanos = i32::try_from(time.timestamp_subsec_nanos().min(999_999_999)).ok()?;
            return Timestamp::new(time.timestamp(), nanos).ok();
        }
        let shown = time.naive_local();
        let small = |number: u32| i8::try_from(number).ok();
        let year = i16::try_from(shown.year()).ok()?;
        let (month, day) = (small(shown.month())?, small(shown.day())?);
        let (hour, minute) = (small(shown.hour())?, small(shown.minute())?);
        let shown =
            DateTime::new(year, month, day, hour, minute, small(shown.second())?, 0).ok()?;
        in_zone(shown, &self.zone)
    }

    fn message(
        &self,
        message: &Message<&str>,
        time: Option<Timestamp>,
        entry: &mut EntryWriter<'_, '_>,
    ) {
        if let Some(time) = time {
            entry.field(&self.time_field, FieldValue::Text(&time_text(time)));
        }
        let process = message.procid.as_ref().map(ToString::to_string);
        for (name, value) in [
            ("hostname", message.hostname),
            ("app_name", message.appname),
            ("proc_id", process.as_deref()),
            ("msg_id", message.msgid),
        ] {
            if let Some(text) = value {
                entry.field(name, FieldValue::Text(text));
            }
        }
        priority(message.facility, message.severity, entry);
        self.text(message.msg, entry);
        if !message.structured_data.is_empty() {
            let json = structured(&message.structured_data);
            entry.field("structured_data", FieldValue::Json(&json));
        }
    }

    /// RFC 3164 takes what has a priority and nothing else of a header for a message.
    fn bare(&self, line: &str, entry: &mut EntryWriter<'_, '_>) -> bool {
        let Some((number, text)) =
            line.trim().strip_prefix('<').and_then(|rest| rest.split_once('>'))
        else {
            return false;
        };
        let (Some(facility), severity) = number.parse().map(decompose_pri).unwrap_or_default()
        else {
            return false;
        };
        priority(Some(facility), severity, entry);
        self.text(text.trim(), entry);
        true
    }

    fn text(&self, text: &str, entry: &mut EntryWriter<'_, '_>) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        entry.field(&self.message_field, FieldValue::Text(text));
    }
}

fn priority(
    facility: Option<SyslogFacility>,
    severity: Option<SyslogSeverity>,
    entry: &mut EntryWriter<'_, '_>,
) {
    if let Some(severity) = severity {
        entry.field("severity", FieldValue::Text(severity.as_str()));
    }
    if let Some(facility) = facility {
        entry.field("facility", FieldValue::Text(facility.as_str()));
    }
}

/// Whether the time of a message has an offset: dates that begin with the name of a month have none.
fn is_zoned(line: &str) -> bool {
    let header = line.trim_start();
    let date = header.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let date = date.map_or(header, |(_, date)| date.trim_start());
    !date.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// `{"id":{"name":"value"}}`
fn structured(elements: &[StructuredElement<&str>]) -> String {
    let mut json = String::from("{");
    for (place, element) in elements.iter().enumerate() {
        if place > 0 {
            json.push(',');
        }
        json.push_str(&key(element.id));
        json.push('{');
        for (place, (name, value)) in element.params().enumerate() {
            if place > 0 {
                json.push(',');
            }
            json.push_str(&key(name));
            push_string(&value, &mut json);
        }
        json.push('}');
    }
    json.push('}');
    json
}
