//! `loglite plugin`: writing, checking, trying and measuring plugins without a server.

mod bench;
mod bench_entries;
mod bench_harvester;
mod bench_report;
mod bench_transform;
mod check;
mod check_report;
mod component;
mod judge;
mod line;
mod new;
mod new_files;
mod run;
mod run_harvester;
mod run_transform;
mod sdk;

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::telemetry::LogFormat;

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Write a small project for a new plugin: sources, tests, and how to build it
    New(new::New),
    /// Say what a component is, what it imports, and what it may need to be granted
    Check(check::Check),
    /// Run a plugin without a server: a transform maps lines of standard input to standard output, a harvester prints
    /// what it ingests
    Run(run::Run),
    /// Measure how fast a plugin is and how much memory it takes
    Bench(bench::Bench),
}

impl PluginCommand {
    pub(super) fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(new) => new.run(),
            Self::Check(check) => check.run(format),
            Self::Run(run) => run.run(format),
            Self::Bench(bench) => bench.run(format),
        }
    }
}
