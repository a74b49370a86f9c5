//! Finds old rows that arrived late, behind younger ones, by the index on the timestamp column.
//!
//! Each range of the index holds, but for garbage, only rows that are old whatever their form or offset: so after a pass it
//! is empty, and looking again costs nothing. Rows of the day before the limit are left to the next day, as an offset may
//! move them by that much.

use rusqlite::types::Value;

use super::log_table::LogTable;
use super::removal::Removal;
use super::workbench::{Halt, Progress, Workbench};
use crate::domain::{Affinity, COMPACT_DATES, COMPACT_TIMES, UnixMicros};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// From here on, until the year 2286, seconds have ten digits: as texts they are in the order of time.
const TEN_DIGITS: i64 = 1_000_000_000;
/// Numbers from the first are in the unit of which a second has the second; see [`UnixMicros::from_integer`]. Lower ones
/// are dates, or seconds of 1970.
const UNITS: [(i64, i64); 4] = [
    (*COMPACT_DATES.end() + 1, 1),
    (100_000_000_000, 1_000),
    (100_000_000_000_000, 1_000_000),
    (100_000_000_000_000_000, 1_000_000_000),
];

/// Deletes rows older than `cutoff` that the index leads to.
///
/// # Errors
/// [`Halt`].
pub(super) fn pass(
    bench: &mut Workbench,
    table: &LogTable,
    removal: &mut Removal<'_>,
    cutoff: UnixMicros,
) -> Result<Progress, Halt> {
    if !table.is_indexed() {
        return Ok(Progress::Done);
    }
    for [low, high] in ranges(table.affinity, cutoff) {
        loop {
            if bench.is_over() {
                return Ok(Progress::More);
            }
            let rows = table.between_times(bench.reader(), [&low, &high])?;
            let is_old = |time: UnixMicros| time < cutoff;
            let old: Vec<_> =
                rows.iter().filter(|row| row.time.is_some_and(is_old)).map(|row| row.id).collect();
            // Garbage is not looked through.
            if old.is_empty() || removal.remove(bench, old)? == 0 {
                break;
            }
        }
    }
    Ok(Progress::Done)
}

/// Ranges of stored values, as a column of this affinity compares them.
fn ranges(affinity: Affinity, cutoff: UnixMicros) -> Vec<[Value; 2]> {
    let seconds = cutoff.0.div_euclid(MICROS_PER_SECOND);
    let day_before = date(seconds.div_euclid(SECONDS_PER_DAY) - 1);
    let mut ranges = Vec::new();
    if affinity != Affinity::Text {
        let of_unit = |(low, per_second): (i64, i64)| (low, seconds.saturating_mul(per_second));
        let compact = day_before.as_ref().and_then(|date| date.replace('-', "").parse().ok());
        let numbers = [(i64::MIN, seconds.min(*COMPACT_DATES.start()))]
            .into_iter()
            .chain(compact.map(|date: i64| (*COMPACT_DATES.start(), date)))
            .chain(compact.map(|date: i64| (*COMPACT_TIMES.start(), date * MICROS_PER_SECOND)))
            .chain(UNITS.map(of_unit));
        let numbers = numbers.filter(|(low, high)| low < high);
        ranges.extend(numbers.map(|(low, high)| [low, high].map(Value::Integer)));
    }
    if affinity != Affinity::Numeric && seconds >= TEN_DIGITS {
        ranges.push(["1".to_owned(), seconds.to_string()].map(Value::Text));
    }
    if let Some(date) = day_before {
        ranges.push(["1970".to_owned(), date].map(Value::Text));
    }
    ranges
}

/// As in ISO 8601; none before 1970.
fn date(days_since_1970: i64) -> Option<String> {
    let seconds = days_since_1970.checked_mul(SECONDS_PER_DAY).filter(|seconds| *seconds > 0)?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-25T03:47:32Z
    const CUTOFF: UnixMicros = UnixMicros(1_795_578_452_000_000);

    fn shown(affinity: Affinity, cutoff: UnixMicros) -> Vec<String> {
        let show = |value: &Value| match value {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => format!("'{text}'"),
            other => format!("{other:?}"),
        };
        ranges(affinity, cutoff)
            .iter()
            .map(|[low, high]| format!("{}..{}", show(low), show(high)))
            .collect()
    }

    #[test]
    fn texts_end_with_the_day_before_and_numbers_at_the_limit() {
        assert_eq!(shown(Affinity::Text, CUTOFF), ["'1'..'1795578452'", "'1970'..'2026-11-24'"]);
        assert_eq!(
            shown(Affinity::Numeric, CUTOFF),
            [
                "-9223372036854775808..19000101",
                "19000101..20261124",
                "19000101000000..20261124000000",
                "21991232..1795578452",
                "100000000000..1795578452000",
                "100000000000000..1795578452000000",
                "100000000000000000..1795578452000000000",
                "'1970'..'2026-11-24'",
            ]
        );
        assert_eq!(shown(Affinity::Blob, CUTOFF).len(), 9);
    }

    #[test]
    fn a_limit_long_ago_leaves_out_what_can_not_be_that_old() {
        assert_eq!(shown(Affinity::Text, UnixMicros(0)), [""; 0]);
        assert_eq!(
            shown(Affinity::Text, UnixMicros(900_000_000_000_000)),
            ["'1970'..'1998-07-08'"]
        );
        assert_eq!(shown(Affinity::Numeric, UnixMicros(0)), ["-9223372036854775808..0"]);
        assert_eq!(shown(Affinity::Text, UnixMicros(i64::MIN)), [""; 0]);
    }
}
