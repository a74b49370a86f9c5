//! The limits of retention, and when they are reached.

use super::text::about;
use crate::cli::units::{bytes, count, days, whole};
use crate::store::report::Report;

/// Nobody plans for longer.
const FAR_DAYS: f64 = 36_525.0;

pub(super) fn of(report: &Report) -> Vec<String> {
    let outlook = &report.retention;
    let limits = format!(
        "  rows older than {} days are deleted; above {}, the oldest ones, down to {}",
        count(outlook.max_days),
        bytes(outlook.max_bytes),
        bytes(outlook.target_bytes)
    );
    let rate = match (report.entries.rows_per_day, outlook.bytes_per_day) {
        (Some(rows), Some(size)) => format!(
            "  at present {} rows a day are written, about {} (mean of up to 7 days)",
            about(report, &count(whole(rows))),
            bytes(whole(size))
        ),
        _ => "  nothing was written in the last 7 days".to_owned(),
    };
    let mut lines = vec!["retention".to_owned(), limits];
    if outlook.rules > 0 {
        lines.push(format!("  rules that delete some rows earlier: {}", outlook.rules));
    }
    lines.push(rate);
    lines.extend(size_limit(report));
    lines
}

fn size_limit(report: &Report) -> Option<String> {
    let outlook = &report.retention;
    let limit = bytes(outlook.max_bytes);
    let reached = outlook.days_until_max_bytes;
    Some(match reached {
        Some(left) if left <= 0.0 => format!("  the size limit of {limit} is reached"),
        Some(left) if left < FAR_DAYS => {
            format!("  at this rate, the size limit of {limit} is reached in about {}", days(left))
        }
        Some(_) => format!("  at this rate, the size limit of {limit} is not reached in 100 years"),
        None => format!(
            "  at this rate, {} days take {}: the size limit of {limit} is not reached",
            count(outlook.max_days),
            bytes(whole(outlook.bytes_at_max_days?))
        ),
    })
}
