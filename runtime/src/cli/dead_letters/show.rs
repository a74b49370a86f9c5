//! `loglite dead-letters show`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::list::{as_json, printable};
use crate::app::telemetry::LogFormat;
use crate::cli::ConfigFile;
use crate::store::dead_letters::read_letter;
use crate::store::open_reader;

/// The arguments of `dead-letters show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    file: ConfigFile,
    /// Its number
    id: i64,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let connection = open_reader(&config.database)?;
        let Some(kept) = read_letter(&connection, self.id)? else {
            bail!(
                "there is no dead letter {}; `loglite dead-letters list` shows what there is",
                self.id
            )
        };
        if self.json {
            writeln!(out, "{}", as_json(&kept))?;
            return Ok(ExitCode::SUCCESS);
        }
        let letter = &kept.letter;
        writeln!(out, "id      {}\ntime    {}", kept.id, kept.time)?;
        writeln!(out, "source  {}", printable(letter.source.as_str()))?;
        writeln!(out, "reason  {}", printable(&letter.reason))?;
        writeln!(out, "entry   {}", printable(letter.entry.as_str()))?;
        Ok(ExitCode::SUCCESS)
    }
}
