//! `loglite plugin run`: a plugin without a server, with the grants and limits that it would have in one.

use crate::domain::PluginKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::component::Component;
use super::run_harvester::{self, HarvestOptions};
use super::run_transform;
use crate::app::telemetry::LogFormat;
use crate::cli::UsageError;

/// The arguments of `plugin run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done; 1 a transform failed on entries, or a harvester failed; 2 the arguments \
    are wrong."
)]
pub(crate) struct Run {
    #[command(flatten)]
    component: Component,
    /// The source that a transform is told
    #[arg(long, value_name = "NAME", default_value = "http")]
    source: String,
    /// End a harvester once it has ingested so many entries
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    entries: Option<u64>,
    /// Give a harvester the checkpoint in this file, and keep its last one there; without it, it starts anew
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Run {
    /// Runs the plugin until its input ends, or until it is done.
    ///
    /// # Errors
    /// What keeps the plugin from running, or ends it.
    pub(super) fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        let prepared = self.component.prepare(format)?;
        // A second thread, so that a signal is heard while the plugin computes.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let outcome = match prepared.loaded.kind {
            PluginKind::Transform => {
                if self.entries.is_some() || self.checkpoint.is_some() {
                    return Err(UsageError::ForHarvesters.into());
                }
                run_transform::run(&runtime, &prepared, &self.source)
            }
            PluginKind::Harvester => {
                let options = HarvestOptions { entries: self.entries, checkpoint: self.checkpoint };
                runtime.block_on(run_harvester::run(&prepared, options))
            }
        };
        // What a plugin has left running is cut off.
        runtime.shutdown_background();
        outcome
    }
}
