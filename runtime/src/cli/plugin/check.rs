//! `loglite plugin check`: what a component is, or why it can't run.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tracing::Level;

use super::check_report::{Refused, Report};
use super::component::{CacheDir, start_engine};
use crate::app::telemetry::{self, LogFormat};
use crate::config::PluginsConfig;

/// The arguments of `plugin check`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it can run, 1 it can't, 2 the arguments are wrong.")]
pub(crate) struct Check {
    /// The component
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Where compiled components are kept; without it, in the user's cache
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl Check {
    /// Loads the component and prints what is known of it.
    ///
    /// # Errors
    /// Why it can't run.
    pub(super) fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        telemetry::init(format, Level::WARN)?;
        let cache = CacheDir::new(self.cache_dir)?;
        let engine = start_engine(cache.path(), PluginsConfig::default().stack_size)?;
        let mut out = stdout().lock();
        match engine.load(&self.file) {
            Ok(loaded) if self.json => {
                let report = Report::new(&self.file, loaded.kind, &loaded.facts);
                serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
                writeln!(out)?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(loaded) => {
                write!(out, "{}", Report::new(&self.file, loaded.kind, &loaded.facts))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) if self.json => {
                let refused = Refused::new(&self.file, &error);
                serde_json::to_writer_pretty(&mut out, &refused).map_err(std::io::Error::from)?;
                writeln!(out)?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error).context("this can't run as a plugin"),
        }
    }
}
