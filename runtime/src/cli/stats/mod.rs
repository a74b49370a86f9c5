//! `loglite stats`: what the database holds and what it takes, beside a running service or without one.

mod display;
mod hints;
mod outlook;
mod text;

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use self::display::Display;
use super::ConfigFile;
use crate::app::telemetry::LogFormat;
use crate::store::report::{Depth, measure};

/// The arguments of `stats`.
#[derive(Debug, Args)]
pub(super) struct Stats {
    #[command(flatten)]
    file: ConfigFile,
    /// Read every row and every page, however many there are
    #[arg(long)]
    exact: bool,
    /// Print one JSON object, sizes in bytes
    #[arg(long)]
    json: bool,
}

impl Stats {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let depth = if self.exact { Depth::Exact } else { Depth::Sample };
        let mut display = Display::default();
        let report = measure(&config, depth, &mut |step| display.show(step));
        display.end();
        let report = report?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        } else {
            write!(out, "{}", text::of(&report, self.file.path()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
