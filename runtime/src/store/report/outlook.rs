//! What retention has before it: its limits, and when the size limit is reached at the present rate.

use serde::Serialize;

use super::space::Space;
use super::timeline::Timeline;
use crate::config::RetentionConfig;

/// The limits of retention, and how far they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// The age at which rows are deleted (`vacuum_max_days`).
    pub max_days: u64,
    /// The size at which the oldest rows are deleted (`vacuum_max_size`).
    pub max_bytes: u64,
    /// The size down to which they are deleted (`vacuum_target_size`).
    pub target_bytes: u64,
    /// How many rules delete rows earlier (`retention`).
    pub rules: usize,
    /// What a row takes with its part of the indexes and all else; none in an empty table.
    pub bytes_per_row: Option<f64>,
    /// What is written per day at the present rate.
    pub bytes_per_day: Option<f64>,
    /// What `max_days` of the present rate take.
    pub bytes_at_max_days: Option<f64>,
    /// In how many days the size limit is reached at the present rate: 0 when it is, none when it never is, as rows are
    /// deleted for their age before, or nothing is written.
    pub days_until_max_bytes: Option<f64>,
}

pub(super) fn of(
    retention: &RetentionConfig,
    space: &Space,
    entries: &Timeline,
    rows: u64,
) -> Outlook {
    let max_bytes = retention.vacuum_max_size.0;
    let bytes_per_row = (rows > 0).then(|| space.used_bytes as f64 / rows as f64);
    let bytes_per_day = bytes_per_row.zip(entries.rows_per_day).map(|(bytes, rows)| bytes * rows);
    let bytes_at_max_days = bytes_per_day.map(|bytes| bytes * retention.vacuum_max_days as f64);
    Outlook {
        max_days: retention.vacuum_max_days,
        max_bytes,
        target_bytes: retention.vacuum_target_size.0,
        rules: retention.rules.len(),
        bytes_per_row,
        bytes_per_day,
        bytes_at_max_days,
        days_until_max_bytes: days_until(max_bytes, space.used_bytes, bytes_per_day).filter(
            |days| *days == 0.0 || bytes_at_max_days.is_some_and(|at| at >= max_bytes as f64),
        ),
    }
}

fn days_until(max_bytes: u64, used_bytes: u64, bytes_per_day: Option<f64>) -> Option<f64> {
    match max_bytes.checked_sub(used_bytes) {
        None | Some(0) => Some(0.0),
        Some(room) => bytes_per_day.filter(|bytes| *bytes > 0.0).map(|bytes| room as f64 / bytes),
    }
}
