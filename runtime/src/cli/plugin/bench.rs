//! `loglite plugin bench`: how fast a plugin is, and what it takes.

use crate::domain::PluginKind;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use tracing::Level;

use super::bench_entries;
use super::bench_harvester;
use super::bench_report::{Loading, Measured, Report};
use super::bench_transform;
use super::component::{CacheDir, Component, Prepared, start_engine};
use crate::app::telemetry::{self, LogFormat};
use crate::config::PluginsConfig;

/// Instances made to find out how long one takes.
pub(super) const STARTS: u32 = 20;
/// More time than this is not spent on them: a large guest starts slowly.
pub(super) const START_TIME: Duration = Duration::from_secs(2);

/// The arguments of `plugin bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    component: Component,
    /// Entries per measurement; without it, as many as a transform takes in a second, or a harvester brings in five
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    entries: Option<u64>,
    /// Entries to give to a transform, one JSON object per line; without it, made ones of about 330 bytes
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Bench {
    /// Measures and prints.
    ///
    /// # Errors
    /// What keeps the plugin from running.
    pub(super) fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        telemetry::init(format, Level::WARN)?;
        let entries = match &self.input {
            Some(path) => bench_entries::read(path)?,
            None => bench_entries::make(),
        };
        // The thread that runs the plugin is the one whose time is measured.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let (prepared, loading) = self.load(format)?;
        let name = &prepared.setup.name;
        let measured = match prepared.loaded.kind {
            PluginKind::Transform => runtime
                .block_on(bench_transform::measure(&prepared, &entries, self.entries))
                .map(Measured::Transform)
                .with_context(|| format!("transform `{name}` failed")),
            PluginKind::Harvester => runtime
                .block_on(bench_harvester::measure(&prepared, self.entries))
                .map(Measured::Harvester)
                .with_context(|| format!("harvester `{name}` failed")),
        };
        runtime.shutdown_background();
        let report = Report::new(&prepared.path, &prepared.loaded.facts, loading, measured?);
        let mut out = stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Loads the component into an empty cache, and once more from it.
    fn load(&self, format: LogFormat) -> anyhow::Result<(Prepared, Loading)> {
        let cache = CacheDir::temporary()?;
        let stack = PluginsConfig::default().stack_size;
        let load = || -> anyhow::Result<_> {
            let engine = start_engine(cache.path(), stack)?;
            let begun = Instant::now();
            let prepared = self.component.prepare_with(&engine, format)?;
            Ok((prepared, begun.elapsed()))
        };
        let (first, cold) = load()?;
        drop(first);
        let (prepared, cached) = load()?;
        Ok((prepared, Loading { cold, cached }))
    }
}

/// Starts instances and says how long one takes, as the median of several.
///
/// # Errors
/// When one does not start.
pub(super) async fn time_starts<I, E>(
    start: impl AsyncFn() -> Result<I, E>,
) -> Result<(I, Duration), E> {
    let begun = Instant::now();
    let mut times = Vec::new();
    loop {
        let at = Instant::now();
        let instance = start().await?;
        times.push(at.elapsed());
        if times.len() >= STARTS as usize || begun.elapsed() >= START_TIME {
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            return Ok((instance, median));
        }
    }
}

/// The CPU time of this thread.
pub(super) fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
