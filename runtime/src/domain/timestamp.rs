//! Timestamps as clients write them into the table, read for their age: ISO 8601 or a number since 1970.
//!
//! A column may hold several forms side by side. Nothing is known of its values but what they look like.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;

const ISO8601: DateTimeParser = DateTimeParser::new();
const MICROS_PER_SECOND: i64 = 1_000_000;
/// A number up to this is seconds (until the year 5138), up to a thousand times this milliseconds (from 1973 on), and so
/// on with microseconds and nanoseconds.
const MOST_SECONDS: i64 = 100_000_000_000;
const FRACTION_DIGITS: usize = 6;
/// `20261125`, as a column that prefers numbers stores the text: of the years 1900 to 2199. As seconds they would all be
/// of 1970.
pub(crate) const COMPACT_DATES: RangeInclusive<i64> = 19_000_101..=21_991_231;
/// `20261125034732` likewise. As milliseconds they would be far in the future.
pub(crate) const COMPACT_TIMES: RangeInclusive<i64> = 19_000_101_000_000..=21_991_231_235_960;
/// Whole numbers below this are exact as floating-point ones.
const MOST_DIGITS: f64 = 1e15;

/// A point in time, in microseconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMicros(pub i64);

impl UnixMicros {
    /// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size; or the digits
    /// of a date, see `COMPACT_DATES`.
    #[must_use]
    pub fn from_integer(number: i64) -> Self {
        if let Some(time) = compact_number(number) {
            return time;
        }
        let size = number.unsigned_abs();
        let most_seconds = MOST_SECONDS.unsigned_abs();
        Self(match size {
            _ if size < most_seconds => number * MICROS_PER_SECOND,
            _ if size < most_seconds * 1_000 => number * 1_000,
            _ if size < most_seconds * 1_000_000 => number,
            _ => number.div_euclid(1_000),
        })
    }

    /// As [`UnixMicros::from_integer`], with a fraction.
    #[must_use]
    pub fn from_real(number: f64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "the limits need not be exact")]
        let most_seconds = MOST_SECONDS as f64;
        let size = number.abs();
        let micros = match size {
            _ if !size.is_finite() => return None,
            // Such a column stores digits alone as this.
            _ if number.fract() == 0.0 && size < MOST_DIGITS => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a whole number of 15 digits"
                )]
                return Some(Self::from_integer(number as i64));
            }
            _ if size < most_seconds => number * 1e6,
            _ if size < most_seconds * 1e3 => number * 1e3,
            _ if size < most_seconds * 1e6 => number,
            _ => number / 1e3,
        };
        #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
        let micros = micros.floor() as i64;
        Some(Self(micros))
    }

    /// ISO 8601 (without an offset it is UTC), also compact or a date alone, or a number as text.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        if let Some(time) = common_form(text) {
            return Some(time);
        }
        let text = str::from_utf8(text).ok()?;
        let is_numeric =
            |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
        if text.bytes().all(|byte| byte.is_ascii_digit()) && matches!(text.len(), 8 | 14) {
            return compact_form(text.as_bytes());
        }
        if let Ok(integer) = text.parse() {
            return Some(Self::from_integer(integer));
        }
        if text.bytes().all(is_numeric)
            && let Some(time) = text.parse().ok().and_then(Self::from_real)
        {
            return Some(time);
        }
        other_form(text)
    }
}

/// `2026-11-25T03:47:32.123456+01:00`, with a space for the T, and without fraction or offset: the form of nearly all
/// rows, which this reads several times as fast as a parser of all that ISO 8601 allows.
fn common_form(text: &[u8]) -> Option<UnixMicros> {
    let (head, rest) = text.split_at_checked("2026-11-25T03:47:32".len())?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _] =
        head
    else {
        return None;
    };
    let number = |at: std::ops::Range<usize>| digits(head.get(at)?);
    let date = days_since_1970(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let seconds = seconds_of_day(number(11..13)?, number(14..16)?, number(17..19)?)?;
    let (micros, rest) = fraction(rest)?;
    let offset = offset_seconds(rest)?;
    let seconds = date * 86_400 + seconds - offset;
    Some(UnixMicros(seconds * MICROS_PER_SECOND + micros))
}

fn compact_number(number: i64) -> Option<UnixMicros> {
    let is_compact = COMPACT_DATES.contains(&number) || COMPACT_TIMES.contains(&number);
    is_compact.then(|| compact_form(number.to_string().as_bytes())).flatten()
}

/// `20261125` or `20261125034732`: as numbers of seconds they would be of 1970, and of milliseconds, in the far future.
fn compact_form(text: &[u8]) -> Option<UnixMicros> {
    let number = |at: std::ops::Range<usize>| digits(text.get(at)?);
    let date = days_since_1970(number(0..4)?, number(4..6)?, number(6..8)?)?;
    let seconds = match text.len() {
        14 => seconds_of_day(number(8..10)?, number(10..12)?, number(12..14)?)?,
        _ => 0,
    };
    Some(UnixMicros((date * 86_400 + seconds) * MICROS_PER_SECOND))
}

/// All else that ISO 8601 allows.
fn other_form(text: &str) -> Option<UnixMicros> {
    // Behind the date, these are found in an offset only.
    let is_offset = |byte: &u8| matches!(byte, b'Z' | b'z' | b'+' | b'-');
    let time = if text.as_bytes().iter().skip("2026-11-25".len()).any(is_offset) {
        ISO8601.parse_timestamp(text).ok()?
    } else {
        let shown: DateTime = ISO8601.parse_datetime(text).ok()?;
        TimeZone::UTC.to_timestamp(shown).ok()?
    };
    Some(UnixMicros(time.as_microsecond()))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Days of the Gregorian calendar (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// A leap second is the next one.
fn seconds_of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let is_time = hour < 24 && minute < 60 && second <= 60;
    is_time.then_some(hour * 3600 + minute * 60 + second)
}

/// The fraction in microseconds, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at_checked(count)?;
    let known = fraction.get(..FRACTION_DIGITS).unwrap_or(fraction);
    let micros = (known.len()..FRACTION_DIGITS).fold(digits(known)?, |micros, _| micros * 10);
    (count > 0).then_some((micros, rest))
}

/// `Z`, `+01:00`, `+0100`, `+01` or nothing.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2] => (sign, [*h1, *h2], [b'0'; 2]),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let seconds = seconds_of_day(digits(&hours)?, digits(&minutes)?, 0)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25T03:47:32Z
    const TIME: i64 = 1_795_578_452;

    #[test]
    fn iso_8601_is_read_in_its_many_forms() {
        for (text, seconds, micros) in [
            ("2026-11-25T03:47:32Z", TIME, 0),
            ("2026-11-25T03:47:32z", TIME, 0),
            ("2026-11-25T03:47:32", TIME, 0),
            ("2026-11-25 03:47:32", TIME, 0),
            (" 2026-11-25 03:47:32\n", TIME, 0),
            ("2026-11-25T03:47:32.5Z", TIME, 500_000),
            ("2026-11-25 03:47:32,123", TIME, 123_000),
            ("2026-11-25T03:47:32.123456789+01:00", TIME - 3600, 123_456),
            ("2026-11-25T03:47:32-0130", TIME + 5400, 0),
            ("2026-11-25T03:47:32+14", TIME - 14 * 3600, 0),
            ("2026-11-25T03:47", TIME - 32, 0),
            ("2026-11-25 03:47Z", TIME - 32, 0),
            ("2026-11-25", TIME - 13_652, 0),
            ("20261125", TIME - 13_652, 0),
            ("20261125034732", TIME, 0),
            ("20261125T034732Z", TIME, 0),
            ("20261125T034732-0130", TIME + 5400, 0),
            ("2026-11-25T04:47:32+01:00[Europe/Berlin]", TIME, 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800, 0),
            ("1969-12-31T23:59:59.5Z", -1, 500_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800, 0),
        ] {
            let expected = seconds * MICROS_PER_SECOND + micros;
            assert_eq!(
                UnixMicros::from_text(text.as_bytes()),
                Some(UnixMicros(expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        for (text, micros) in [
            ("1795578452", TIME * MICROS_PER_SECOND),
            ("1795578452123", TIME * MICROS_PER_SECOND + 123_000),
            ("1795578452123456", TIME * MICROS_PER_SECOND + 123_456),
            ("1795578452123456789", TIME * MICROS_PER_SECOND + 123_456),
            ("1795578452.25", TIME * MICROS_PER_SECOND + 250_000),
            ("1795578452123.5", TIME * MICROS_PER_SECOND + 123_500),
            ("1.795578452e9", TIME * MICROS_PER_SECOND),
            ("-1", -MICROS_PER_SECOND),
            ("0", 0),
        ] {
            assert_eq!(UnixMicros::from_text(text.as_bytes()), Some(UnixMicros(micros)), "{text}");
            if let Ok(number) = text.parse() {
                assert_eq!(UnixMicros::from_integer(number), UnixMicros(micros), "{text}");
            }
        }
    }

    #[test]
    fn numbers_with_the_digits_of_a_date_are_that_date() {
        for (number, seconds) in [
            (20_261_125, TIME - 13_652),
            (20_261_125_034_732, TIME),
            (19_700_101, 0),
            // Not of these years, or no dates.
            (18_991_231, 18_991_231),
            (20_261_325, 20_261_325),
            (20_261_125_034_761, 20_261_125_034),
        ] {
            let micros = UnixMicros::from_integer(number).0;
            assert_eq!(micros.div_euclid(MICROS_PER_SECOND), seconds, "{number}");
            let real = UnixMicros::from_real(number as f64);
            assert_eq!(real, Some(UnixMicros(micros)), "{number}.0");
        }
    }

    #[test]
    fn the_largest_numbers_are_no_trouble() {
        assert!(UnixMicros::from_integer(i64::MIN) < UnixMicros::from_integer(0));
        assert!(UnixMicros::from_integer(i64::MAX) > UnixMicros::from_integer(0));
        assert_eq!(UnixMicros::from_real(f64::INFINITY), None);
        assert_eq!(UnixMicros::from_real(f64::NAN), None);
        assert!(UnixMicros::from_real(1e300).is_some());
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "yesterday",
            "-",
            "nan",
            "inf",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-25T24:61:00Z",
            "2026-11-25T03:47:32.Z",
            "2026-11-25T03:47:32Z x",
            "2026-11-25T03:47:32+x1:00",
            "20261325",
            "10:15",
            "\u{e9}2026-11-25",
        ] {
            assert_eq!(UnixMicros::from_text(text.as_bytes()), None, "{text}");
        }
        assert_eq!(UnixMicros::from_text(b"\xff\xfe"), None);
    }
}
