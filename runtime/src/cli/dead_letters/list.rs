//! `loglite dead-letters list`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app::telemetry::LogFormat;
use crate::cli::ConfigFile;
use crate::domain::KeptLetter;
use crate::store::dead_letters::{LetterFilter, letter_totals, newest_letters};
use crate::store::open_reader;

/// The arguments of `dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Only those of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print a JSON object per line, with the whole entry
    #[arg(long)]
    json: bool,
}

/// A longer reason is cut in the table.
const LONGEST_REASON: usize = 160;

impl List {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let connection = open_reader(&config.database)?;
        let source = self.source.as_deref().map(Into::into);
        let filter = LetterFilter { source, ..LetterFilter::default() };
        let mut left = self.limit;
        let mut before = None;
        let mut shown = 0;
        while left > 0 {
            let page = newest_letters(&connection, &filter, before, left)?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            left = left.saturating_sub(page.len());
            shown += page.len() as u64;
            if self.json {
                page.iter().try_for_each(|kept| writeln!(out, "{}", as_json(kept)))?;
            } else {
                page.iter().try_for_each(|kept| writeln!(out, "{}", as_row(kept)))?;
            }
        }
        if !self.json {
            let total = letter_totals(&connection)?;
            writeln!(out, "{shown} shown; {} are kept, {} bytes", total.count, total.bytes)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn as_json(kept: &KeptLetter) -> serde_json::Value {
    let letter = &kept.letter;
    json!({
        "id": kept.id,
        "time": kept.time,
        "source": letter.source.as_str(),
        "reason": letter.reason,
        "entry": letter.entry.as_str(),
    })
}

/// Reasons may quote what a plugin or a client sent: nothing of it must reach the terminal as a command.
pub(in crate::cli) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

fn as_row(kept: &KeptLetter) -> String {
    let letter = &kept.letter;
    let mut reason = printable(&letter.reason);
    if let Some((cut, _)) = reason.char_indices().nth(LONGEST_REASON) {
        reason.truncate(cut);
        reason.push('…');
    }
    let (id, time, source) = (kept.id, &kept.time, printable(letter.source.as_str()));
    format!("{id:>6}  {time}  {source}  {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DeadLetter;

    #[test]
    fn a_row_is_one_line_without_control_characters() {
        let letter = DeadLetter {
            source: "app".into(),
            reason: format!("bad \u{1b}[2J\n{}", "é".repeat(200)),
            entry: "{}".to_owned().into(),
        };
        let row = as_row(&KeptLetter { id: 7, time: "2026-01-01T00:00:00.000Z".into(), letter });
        assert!(
            row.starts_with("     7  2026-01-01T00:00:00.000Z  app  bad \u{FFFD}[2J\u{FFFD}é"),
            "{row}"
        );
        assert!(row.ends_with("é…"), "{row}");
    }
}
