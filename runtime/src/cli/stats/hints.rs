//! What compression does, and where it would pay.

use std::path::Path;

use super::text::about;
use crate::cli::dead_letters::printable;
use crate::cli::units::{bytes, count, percent};
use crate::store::report::{ColumnCompression, ColumnReport, Report};

/// Costs of up to so many bytes are not told.
const NOT_WORTH_A_WORD: u64 = 256 << 10;

pub(super) fn of(report: &Report, config: Option<&Path>) -> Vec<String> {
    let hints = report.columns.iter().flat_map(|column| match column.compression {
        ColumnCompression::Compressed { .. } => of_compressed(report, column),
        ColumnCompression::WouldSave { bytes: saving } => {
            vec![saves(report, column, saving) + ":", format!("    {}", command(column, config))]
        }
        ColumnCompression::WouldSaveAfterMigration { bytes: saving } => vec![
            saves(report, column, saving),
            "    but as it is declared it takes no ids; this prints the migration that it needs:"
                .to_owned(),
            format!("    {}", command(column, config)),
        ],
        ColumnCompression::NoGain => Vec::new(),
    });
    let hints: Vec<_> = hints.collect();
    if hints.is_empty() {
        hints
    } else {
        std::iter::once("compression".into()).chain(hints).collect()
    }
}

fn saves(report: &Report, column: &ColumnReport, saving: u64) -> String {
    format!(
        "  {}: {} values in {} rows, {}; would save about {} ({})",
        printable(&column.name),
        about(report, &count(column.values.count)),
        count(report.rows),
        bytes(column.bytes),
        bytes(saving),
        percent(saving, report.space.used_bytes),
    )
}

fn of_compressed(report: &Report, column: &ColumnReport) -> Vec<String> {
    let ColumnCompression::Compressed {
        dictionary_values,
        dictionary_bytes,
        plain_rows,
        saved_bytes,
    } = column.compression
    else {
        return Vec::new();
    };
    // Few rows save less than the dictionary takes.
    let saved = match u64::try_from(saved_bytes) {
        Ok(saved) => format!("saves about {}", bytes(saved)),
        Err(_) if saved_bytes.unsigned_abs() < NOT_WORTH_A_WORD => "saves nothing yet".to_owned(),
        Err(_) => format!("costs about {}", bytes(saved_bytes.unsigned_abs())),
    };
    let name = printable(&column.name);
    let mut lines = vec![format!(
        "  {name}: compressed, {saved}; {} values in the dictionary, {}",
        count(dictionary_values),
        bytes(dictionary_bytes),
    )];
    if plain_rows > 0 {
        let rows = about(report, &count(plain_rows));
        lines.push(format!("    {rows} rows hold values as they are"));
    }
    lines
}

fn command(column: &ColumnReport, config: Option<&Path>) -> String {
    let file =
        config.map_or_else(String::new, |path| format!(" -c {}", word(&path.to_string_lossy())));
    format!("loglite compress{file} --column {}", word(&column.name))
}

/// A word as a shell takes it.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", printable(text).replace('\'', r"'\''"))
}
