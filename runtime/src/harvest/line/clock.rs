//! Reads times as logs write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::{rfc2822, strtime::BrokenDownTime, temporal};
use jiff::tz::TimeZone;
use tracing::warn;

use crate::config::{TimestampConfig, TimestampFormat};

const ISO8601: temporal::DateTimeParser = temporal::DateTimeParser::new();
const RFC2822: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
/// More digits of a fraction are finer than nanoseconds.
const FRACTION_DIGITS: usize = 9;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Reads times that are written in one way.
#[derive(Debug)]
pub(super) struct Clock {
    format: TimestampFormat,
    zone: TimeZone,
}

impl Clock {
    pub(super) fn new(config: &TimestampConfig) -> Self {
        Self { format: config.format.clone(), zone: zone(&config.timezone) }
    }

    /// The time that is written there; none if it can't be read.
    pub(super) fn read(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim_ascii();
        match &self.format {
            TimestampFormat::Iso8601 => iso8601(text, &self.zone),
            TimestampFormat::Rfc2822 => RFC2822.parse_timestamp(text).ok(),
            TimestampFormat::Unix => since_1970(text, NANOS_PER_SECOND),
            TimestampFormat::UnixMillis => since_1970(text, 1_000_000),
            TimestampFormat::UnixMicros => since_1970(text, 1_000),
            TimestampFormat::UnixNanos => since_1970(text, 1),
            TimestampFormat::Pattern(pattern) => patterned(pattern, text, &self.zone),
        }
    }
}

/// The zone of this name; `UTC`, and a warning, if there is none.
pub(super) fn zone(name: &str) -> TimeZone {
    if name.eq_ignore_ascii_case("local") {
        return TimeZone::system();
    }
    if name.eq_ignore_ascii_case("utc") {
        return TimeZone::UTC;
    }
    TimeZone::get(name).unwrap_or_else(|error| {
        warn!(timezone = name, %error, "the system has no such `timezone`; times are taken for UTC");
        TimeZone::UTC
    })
}

/// What a clock in this zone showed. Of two moments that showed the same it is the first; what was skipped when clocks
/// were set forward is as if they had not been.
pub(super) fn in_zone(shown: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(shown).ok()
}

/// The date without a year that is nearest to now: logs of December are read in January, and clocks run ahead.
pub(super) fn nearest(month: i8, day: i8, time: Time, zone: &TimeZone) -> Option<DateTime> {
    nearest_to(zone.to_datetime(Timestamp::now()), month, day, time)
}

fn nearest_to(now: DateTime, month: i8, day: i8, time: Time) -> Option<DateTime> {
    // Eight years may lie between two days of February 29.
    let years = now.year().saturating_sub(8)..=now.year().saturating_add(8);
    let dates = years.filter_map(|year| Date::new(year, month, day).ok());
    dates.map(|date| date.to_datetime(time)).min_by_key(|date| date.duration_since(now).abs())
}

fn iso8601(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    // Behind the date, these are found in an offset only.
    let is_offset = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    if text.as_bytes().iter().skip("2026-11-25".len()).any(is_offset) {
        return ISO8601.parse_timestamp(text).ok();
    }
    in_zone(ISO8601.parse_datetime(text).ok()?, zone)
}

fn patterned(pattern: &str, text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parts = BrokenDownTime::parse(pattern, text).ok()?;
    if parts.offset().is_some() || parts.timestamp().is_some() {
        return parts.to_timestamp().ok();
    }
    if let (None, None, Some(month), Some(day)) =
        (parts.year(), parts.iso_week_year(), parts.month(), parts.day())
    {
        let time = parts.to_time().unwrap_or_default();
        return in_zone(nearest(month, day, time, zone)?, zone);
    }
    let date = parts.to_date().ok()?;
    in_zone(date.to_datetime(parts.to_time().unwrap_or_default()), zone)
}

/// A decimal number of units since 1970.
fn since_1970(text: &str, unit_nanos: i128) -> Option<Timestamp> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return exponential(text, unit_nanos);
    }
    let whole: i128 = whole.parse::<i64>().ok()?.into();
    let mut nanos = 0;
    let mut place = unit_nanos;
    for digit in fraction.bytes().take(FRACTION_DIGITS) {
        place /= 10;
        nanos += i128::from(digit - b'0') * place;
    }
    Timestamp::from_nanosecond(sign * (whole * unit_nanos + nanos)).ok()
}

/// As some languages write large numbers: `1.7641e9`.
fn exponential(text: &str, unit_nanos: i128) -> Option<Timestamp> {
    let is_number =
        text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "it saturates, and is no more exact than the number"
    )]
    let nanos = (number * unit_nanos as f64) as i128;
    Timestamp::from_nanosecond(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: TimestampFormat, timezone: &str, text: &str) -> Option<String> {
        let config = TimestampConfig { field: "t".into(), format, timezone: timezone.into() };
        Clock::new(&config).read(text).map(|time| time.to_string())
    }

    fn pattern(pattern: &str, timezone: &str, text: &str) -> Option<String> {
        read(TimestampFormat::Pattern(pattern.into()), timezone, text)
    }

    #[test]
    fn iso_8601_is_read_with_and_without_offset() {
        for (timezone, text, expected) in [
            ("UTC", "2026-11-25T03:47:32Z", "2026-11-25T03:47:32Z"),
            ("UTC", "2026-11-25 03:47:32.5+01:00", "2026-11-25T02:47:32.5Z"),
            ("UTC", "20261125T034732-0130", "2026-11-25T05:17:32Z"),
            ("Europe/Berlin", "2026-11-25 03:47:32,123", "2026-11-25T02:47:32.123Z"),
            ("Europe/Berlin", "2026-07-25T03:47:32", "2026-07-25T01:47:32Z"),
            ("Europe/Berlin", "2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
            ("Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
            ("UTC", "2026-11-25", "2026-11-25T00:00:00Z"),
        ] {
            let found = read(TimestampFormat::Iso8601, timezone, text);
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-25T03:47:32Z x", "1764042452"]
        {
            assert_eq!(read(TimestampFormat::Iso8601, "UTC", text), None, "{text}");
        }
    }

    #[test]
    fn numbers_since_1970_are_read_in_their_unit() {
        use TimestampFormat::{Unix, UnixMicros, UnixMillis, UnixNanos};
        for (format, text, expected) in [
            (Unix, "1764042452", "2025-11-25T03:47:32Z"),
            (Unix, "1764042452.25", "2025-11-25T03:47:32.25Z"),
            (Unix, "-0.5", "1969-12-31T23:59:59.5Z"),
            (Unix, "1.764042452e9", "2025-11-25T03:47:32Z"),
            (UnixMillis, "1764042452123", "2025-11-25T03:47:32.123Z"),
            (UnixMicros, "1764042452123456", "2025-11-25T03:47:32.123456Z"),
            (UnixNanos, "1764042452123456789", "2025-11-25T03:47:32.123456789Z"),
        ] {
            let found = read(format, "UTC", text);
            assert_eq!(found.as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", ".", "1,5", "nan", "inf", "1e400", "99999999999999999999", "12 "] {
            let found = read(Unix, "UTC", text);
            assert_eq!(found.is_some(), text == "12 ", "{text}");
        }
    }

    #[test]
    fn patterns_and_mail_dates_are_read() {
        for (format, timezone, text, expected) in [
            ("%d/%b/%Y:%H:%M:%S %z", "UTC", "25/Nov/2026:03:47:32 +0100", "2026-11-25T02:47:32Z"),
            ("%Y/%m/%d %H:%M:%S", "Asia/Tokyo", "2026/11/25 09:00:00", "2026-11-25T00:00:00Z"),
            ("%Y-%m-%d %H:%M:%S%.f", "UTC", "2026-11-25 03:47:32.250", "2026-11-25T03:47:32.25Z"),
            ("%Y-%m-%d", "UTC", "2026-11-25", "2026-11-25T00:00:00Z"),
            ("%s", "UTC", "1764042452", "2025-11-25T03:47:32Z"),
        ] {
            assert_eq!(pattern(format, timezone, text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(pattern("%Y-%m-%d", "UTC", "25.11.2026"), None);
        assert_eq!(
            read(TimestampFormat::Rfc2822, "UTC", "Wed, 25 Nov 2026 03:47:32 +0000").as_deref(),
            Some("2026-11-25T03:47:32Z")
        );
    }

    #[test]
    fn a_date_without_a_year_is_the_nearest_one() {
        let now = Date::constant(2026, 1, 2).at(10, 0, 0, 0);
        for (month, day, expected) in [
            (1, 2, 2026),
            (12, 31, 2025),
            (1, 3, 2026),
            (6, 30, 2026),
            (7, 20, 2025),
            (2, 29, 2024),
        ] {
            let found = nearest_to(now, month, day, Time::midnight()).map(DateTime::year);
            assert_eq!(found, Some(expected), "{month}-{day}");
        }
        assert_eq!(nearest_to(now, 2, 30, Time::midnight()), None);
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(zone("Mars/Olympus"), TimeZone::UTC);
        assert_eq!(zone("utc"), TimeZone::UTC);
    }
}
