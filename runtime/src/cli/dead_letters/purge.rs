//! `loglite dead-letters purge`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::app::telemetry::LogFormat;
use crate::cli::ConfigFile;
use crate::store::dead_letters::{LetterFilter, purge_letters};
use crate::store::open_beside;

/// The arguments of `dead-letters purge`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(false))]
pub(crate) struct Purge {
    #[command(flatten)]
    file: ConfigFile,
    /// Their numbers
    #[arg(value_name = "ID", group = "which")]
    ids: Vec<i64>,
    /// All of them
    #[arg(long, group = "which")]
    all: bool,
    /// Those that were written longer ago, such as 7d, 12h, 30m or 90s
    #[arg(long, value_name = "AGE", value_parser = age, group = "which")]
    older_than: Option<Duration>,
    /// Of those, only the ones of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

impl Purge {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let connection = open_beside(&config.database)?;
        let filter = LetterFilter {
            source: self.source.as_deref().map(Into::into),
            ids: self.ids.iter().map(|id| *id..=*id).collect(),
            older_than: self.older_than,
        };
        let purged = purge_letters(&connection, &filter)?;
        let plural = if purged == 1 { "" } else { "s" };
        writeln!(out, "deleted {purged} dead letter{plural}")?;
        let is_short = !self.ids.is_empty() && purged < self.ids.len() as u64;
        Ok(if is_short { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn age(text: &str) -> Result<Duration, String> {
    let expected = || "expected a number and a unit, such as 7d, 12h, 30m or 90s".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds: u64 = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(expected()),
    };
    let number: u64 =
        text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(expected)?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30m", 1_800), ("90s", 90)] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "7", "d", "-1d", "1.5h", "7w", "99999999999999999999d", "7dd"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
