//! Reads the text of a scalar as the type that a key wants.
//!
//! The key decides the type, not YAML: `port: "7788"` and `debug: off` mean what they say under YAML 1.1, 1.2 and
//! in an environment variable.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::report::Report;
use super::yaml::{Content, Node};
use crate::domain::ByteSize;

/// What a boolean key expects.
pub(super) const BOOLEAN: &str = "true or false";

const DAY_MS: u64 = 86_400_000;
const YEAR_S: f64 = 31_536_000.0;

/// Puts a value into its place if there is one; says whether there was.
pub(super) fn store<T>(slot: &mut T, value: Option<T>) -> bool {
    let Some(value) = value else { return false };
    *slot = value;
    true
}

/// Whether the text stands for "no value".
pub(super) fn is_none(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("null")
}

/// `true`, `yes`, `y`, `on`, `1` or their opposites, in either case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A text that is not blank and has no control characters.
pub(super) fn text(text: &str) -> Option<String> {
    let fits = !text.trim().is_empty() && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// A text of visible ASCII characters, as a host name or a header value.
pub(super) fn visible(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// A whole number with its sign, as YAML 1.1 and 1.2 write it: `-32_000`, `0x1F`, `0o17`, `5.0`, `1e3`.
///
/// A leading zero meant octal in older versions of loglite and means nothing in YAML 1.2, so only what is the same
/// both ways is a number: `07` and not `010`.
pub(super) fn signed(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (radix, digits) = match digits.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        _ => (10, digits),
    };
    if !digits.split('_').all(|part| part.starts_with(|c: char| c.is_digit(radix))) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let plain = format!("{sign}{}", digits.replace('_', ""));
    let number = i64::from_str_radix(&plain, radix).ok().or_else(|| without_fraction(&plain))?;
    let is_ambiguous = radix == 10 && digits.starts_with('0') && number.unsigned_abs() > 7;
    (!is_ambiguous).then_some(number)
}

/// A whole number written as a decimal one, if no digit of it is lost.
fn without_fraction(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT)?;
    format!("{number:.0}").parse().ok()
}

/// A whole number in `range` that fits `T`.
pub(super) fn whole<T: TryFrom<u64>>(text: &str, range: RangeInclusive<u64>) -> Option<T> {
    let number = u64::try_from(signed(text)?).ok()?;
    if range.contains(&number) { T::try_from(number).ok() } else { None }
}

/// Milliseconds from `least` to a day.
pub(super) fn millis(text: &str, least: u64) -> Option<Duration> {
    whole(text, least..=DAY_MS).map(Duration::from_millis)
}

/// Seconds above 0, decimals allowed, up to a year.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok().filter(|s| *s > 0.0 && *s <= YEAR_S)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A size in `range` bytes.
pub(super) fn size(text: &str, range: RangeInclusive<u64>) -> Option<ByteSize> {
    text.parse::<ByteSize>().ok().filter(|size| range.contains(&size.0))
}

/// A time in `range` milliseconds, as `200ms`, `1.5s` or a number of milliseconds; whole milliseconds.
pub(super) fn duration(text: &str, range: RangeInclusive<u64>) -> Option<Duration> {
    let text = text.trim().to_ascii_lowercase();
    let (number, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1000.0),
        (None, None) => return whole(&text, range).map(Duration::from_millis),
    };
    let number = number.trim();
    let is_decimal = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let millis = number.parse::<f64>().ok().filter(|_| is_decimal)? * factor;
    // 1.001 s are 1000.9999… ms.
    let nearest = millis.round();
    let is_whole = (millis - nearest).abs() < 1e-6;
    let millis = is_whole.then(|| format!("{nearest:.0}").parse().ok()).flatten()?;
    range.contains(&millis).then(|| Duration::from_millis(millis))
}

/// What `read` makes of each text of a list; a single text is a list of one, nothing is an empty list.
///
/// `read` says what it expects instead of a text that it can't take, which is reported and left out.
pub(super) fn each<T>(
    node: &Node,
    path: &str,
    report: &mut Report,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let items = match &node.content {
        Content::Nothing => return Vec::new(),
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut values = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.scalar().map_or_else(|| Err("a text".into()), &read) {
            Ok(value) => values.push(value),
            Err(expected) => report.mismatch(format!("{path}[{index}]"), item, &expected),
        }
    }
    values
}

/// A list of texts; a single text is a list of one, nothing is an empty list.
pub(super) fn texts(node: &Node, path: &str, report: &mut Report) -> Vec<String> {
    each(node, path, report, |text| Ok(text.to_owned()))
}

/// A duration of whole milliseconds as a file may spell it: `1s`, `1500ms`.
pub(super) fn as_duration(duration: Duration) -> Value {
    match duration.as_millis() {
        millis if millis.is_multiple_of(1000) => format!("{}s", millis / 1000).into(),
        millis => format!("{millis}ms").into(),
    }
}

/// A duration as a number of milliseconds.
pub(super) fn as_millis(duration: Duration) -> Value {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).into()
}

/// A duration as a number of seconds, without a fraction if it has none.
pub(super) fn as_seconds(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        duration.as_secs().into()
    } else {
        duration.as_secs_f64().into()
    }
}
