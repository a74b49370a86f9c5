//! The report as plain text of at most 100 columns.

use std::path::Path;

use super::{hints, outlook};
use crate::cli::dead_letters::printable;
use crate::cli::units::{bytes, count, percent, whole};
use crate::store::report::{
    Certainty, ColumnCompression, ColumnReport, ObjectKind, ObjectSize, Report,
};

/// Longer names are cut.
const NAME: usize = 32;
const COLUMN_NAME: usize = 22;
const BAR: u64 = 40;

/// The whole report. `config` is the file that commands in hints name.
pub(super) fn of(report: &Report, config: Option<&Path>) -> String {
    let sections = [
        head(report),
        space(report),
        days(report),
        columns(report),
        hints::of(report, config),
        outlook::of(report),
    ];
    let sections = sections.into_iter().filter(|section| !section.is_empty());
    let sections: Vec<_> = sections.map(|lines| lines.join("\n") + "\n").collect();
    sections.join("\n")
}

fn head(report: &Report) -> Vec<String> {
    let space = &report.space;
    let mut lines = vec![
        format!("database  {}", printable(&report.database.display().to_string())),
        format!(
            "file      {}, {} of it free pages; write-ahead log {}",
            bytes(space.database_bytes),
            bytes(space.free_bytes),
            bytes(space.wal_bytes)
        ),
    ];
    let per_row = report.retention.bytes_per_row;
    let per_row = per_row.map_or_else(String::new, |per_row| {
        format!(", {} each with indexes and all else", bytes(whole(per_row)))
    });
    let table = cut(&report.table, NAME);
    lines.push(format!("table     {table}, {} rows{per_row}", count(report.rows)));
    let entries = &report.entries;
    if let (Some(oldest), Some(newest)) = (entries.oldest, entries.newest) {
        lines.push(format!("entries   from {oldest:.0} to {newest:.0}"));
    }
    if entries.unreadable > 0 {
        let rows = count(entries.unreadable);
        lines.push(format!(
            "          {} rows have a timestamp that can't be read",
            about(report, &rows)
        ));
    }
    if report.rows_read < report.rows {
        let read = count(report.rows_read);
        lines.push(format!(
            "read      {read} rows from all parts of the table; ~ is estimated; --exact reads all"
        ));
    }
    lines
}

/// Marks what is known from a part of the rows only.
pub(super) fn about(report: &Report, number: &str) -> String {
    if report.rows_read < report.rows { format!("~{number}") } else { number.to_owned() }
}

fn space(report: &Report) -> Vec<String> {
    let total = report.space.database_bytes;
    let line = |name: &str, kind: &str, size: u64, mark: &str| {
        let size_text = format!("{mark}{}", bytes(size));
        format!(
            "  {:NAME$}  {kind:16} {size_text:>11} {:>8}",
            cut(name, NAME),
            percent(size, total)
        )
    };
    let objects = &report.space.objects;
    let mut lines = vec!["space".to_owned()];
    for ObjectSize { name, kind, bytes, estimated } in objects {
        let kind = match kind {
            ObjectKind::LogTable => "table",
            ObjectKind::LogIndex => "index",
            ObjectKind::Dictionary => "dictionary",
            ObjectKind::Own | ObjectKind::Other => continue,
        };
        lines.push(line(name, kind, *bytes, if *estimated { "~" } else { "" }));
    }
    let groups = [(ObjectKind::Own, "loglite's own tables"), (ObjectKind::Other, "other tables")];
    for (kind, name) in groups {
        let size = objects.iter().filter(|object| object.kind == kind).map(|object| object.bytes);
        lines.push(line(name, "", size.sum(), ""));
    }
    lines.push(line("free pages", "", report.space.free_bytes, ""));
    lines
}

fn days(report: &Report) -> Vec<String> {
    let days = &report.entries.days;
    let Some(most) = days.iter().map(|day| day.rows).max() else { return Vec::new() };
    let mut lines = vec!["rows per day (UTC)".to_owned()];
    lines.extend(days.iter().map(|day| {
        let length = (day.rows * BAR).div_ceil(most.max(1));
        let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
        format!("  {}  {:>14}  {bar}", day.day, about(report, &count(day.rows)))
    }));
    lines
}

fn columns(report: &Report) -> Vec<String> {
    let mut lines = vec![format!(
        "{:24} {:14} {:>13} {:>13} {:>10} {:>9}  ",
        "columns", "type", "values", "NULL", "size", "average"
    )];
    lines.extend(report.columns.iter().map(|column| column_line(report, column)));
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn column_line(report: &Report, column: &ColumnReport) -> String {
    let number = count(column.values.count);
    let values = match column.values.certainty {
        Certainty::Exact => number,
        Certainty::Estimated => format!("~{number}"),
        Certainty::AtLeast => format!("> {number}"),
    };
    let average = column.average_bytes.map_or_else(|| "-".to_owned(), |size| bytes(whole(size)));
    let is_compressed = matches!(column.compression, ColumnCompression::Compressed { .. });
    let mark = if is_compressed { "ids" } else { "" };
    format!(
        "  {:COLUMN_NAME$} {:14} {values:>13} {:>13} {:>10} {average:>9}  {mark}",
        cut(&column.name, COLUMN_NAME),
        cut(&column.declared_type, 14),
        about(report, &count(column.nulls)),
        about(report, &bytes(column.bytes)),
    )
}

fn cut(name: &str, most: usize) -> String {
    let mut name = printable(name);
    if let Some((at, _)) = name.char_indices().nth(most.saturating_sub(1))
        && name.chars().count() > most
    {
        name.truncate(at);
        name.push('…');
    }
    name
}
