//! `loglite pipe`: stores what goes through it.

use std::io::{Write, stderr};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use tracing::{info, warn};

use super::ConfigFile;
use super::dead_letters::printable;
use super::line_arguments::LineArguments;
use super::serve::Signals;
use crate::app::pipe::{NotStored, Pipe, PipeOptions, PipeTally};
use crate::app::telemetry::LogFormat;
use crate::config::Config;
use crate::http::ServiceUrl;
use crate::store::{DatabaseLock, StoreError};

/// Characters of a line that are shown.
const LONGEST_TEXT: usize = 200;

/// The arguments of `pipe`.
#[derive(Debug, Args)]
#[command(after_help = "\
While a service runs on the database lines are sent to it, again and again if it is away for a while; otherwise they \
are stored here. While they can't be stored, the input waits. SIGINT and SIGTERM are left to the command in front: \
what it still writes is stored; a second signal exits at once.\n\
Exit codes: 0 all lines are stored, 1 some are not, 2 the arguments or the configuration are wrong.")]
pub(crate) struct PipeCommand {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    line: LineArguments,
    /// Don't copy standard input to standard output
    #[arg(short, long)]
    quiet: bool,
    /// Where the service answers, when the configuration's `host` and `port` don't say
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl PipeCommand {
    pub(super) fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        let line = self.line.read()?;
        let config = self.file.load(format)?;
        let timestamp_column = config.database.log_timestamp_field.clone();
        let options = PipeOptions { line, timestamp_column, copy: !self.quiet };
        let runtime = crate::cli::async_runtime()?;
        let outcome = runtime.block_on(async {
            leave_signals_to_the_command_in_front().context("cannot listen for signals")?;
            let mut pipe = self.open(config).await?;
            let outcome = pipe.run(&options, tell).await;
            pipe.close().await;
            anyhow::Ok(outcome?)
        });
        runtime.shutdown_background();
        Ok(summarize(outcome?))
    }

    async fn open(&self, config: Config) -> anyhow::Result<Pipe> {
        if let Some(url) = &self.url {
            return Ok(Pipe::to_service(ServiceUrl::parse(url)?));
        }
        match DatabaseLock::acquire(&config.database.sqlite_dir) {
            Err(StoreError::InUse { .. }) => Ok(Pipe::to_service(ServiceUrl::of(&config.http)?)),
            Err(error) => Err(error.into()),
            Ok(lock) => {
                // The store takes it again for itself.
                drop(lock);
                Ok(Pipe::here(config).await?)
            }
        }
    }
}

/// The command in front gets the terminal's signals, too: it decides when the input ends.
fn leave_signals_to_the_command_in_front() -> std::io::Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.stop().await;
        info!("signal: reads on until its input ends; a second one exits at once");
        std::process::exit(signals.stop().await.into());
    });
    Ok(())
}

fn tell(line: &NotStored) {
    let mut text = printable(&line.text);
    if let Some((cut, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(cut);
        text.push('…');
    }
    let reason = printable(&line.reason);
    // When standard error is gone, the exit code has to say it.
    if writeln!(stderr(), "not stored: {reason}: {text}").is_err() {}
}

fn summarize(tally: PipeTally) -> ExitCode {
    let PipeTally { stored, dropped, kept, refused } = tally;
    if kept + refused == 0 {
        info!(stored, dropped, "the input has ended");
        return ExitCode::SUCCESS;
    }
    warn!(stored, dropped, dead_letters = kept, refused, "the input has ended");
    if kept > 0 {
        info!("see the dead letters with: loglite dead-letters list");
    }
    ExitCode::FAILURE
}
