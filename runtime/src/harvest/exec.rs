//! The output of a command: each line is an entry.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use super::command::{Running, shown};
use super::outlet::{Outlet, outlet};
use super::stderr::ErrorLines;
use super::stream::LineStream;
use super::{Failure, Feed, Harvester, LineReader};
use crate::config::{ExecConfig, LineConfig};

/// Harvests the output of a command.
#[derive(Debug)]
pub(super) struct ExecHarvester {
    config: ExecConfig,
    line: LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
}

impl ExecHarvester {
    pub(super) fn new(
        config: &ExecConfig,
        line: LineConfig,
        reader: Arc<LineReader>,
        feed: Feed,
    ) -> Self {
        Self { config: config.clone(), line, reader, feed }
    }

    async fn harvest(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let command = self.command()?;
        let shown = shown(&command);
        let (mut running, (stdout, stderr)) = Running::start(command)
            .map_err(|error| Failure::Passing(format!("`{shown}` can't be run: {error}")))?;
        self.feed.metrics().inputs.inc();
        let (outlet, hauls) = outlet();
        let work =
            async { tokio::join!(self.read(stdout, stderr, outlet), hauls.store_all(&self.feed)) };
        let done = running.until_done(work, &stopping).await;
        self.feed.metrics().inputs.dec();
        let Some((last_words, stored)) = done else { return Ok(()) };
        stored?;
        let status = running.status(&stopping).await;
        if stopping.is_cancelled() {
            return Ok(());
        }
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Passing(failed(&shown, &status.to_string(), &last_words))),
            Err(error) => Err(Failure::Passing(failed(&shown, &error.to_string(), &last_words))),
        }
    }

    fn command(&self) -> Result<Command, Failure> {
        let Some((program, arguments)) = self.config.command.split_first() else {
            return Err(Failure::Hopeless("`command` names no program".into()));
        };
        let mut command = Command::new(program);
        command.args(arguments).envs(self.config.environment.iter().cloned());
        if let Some(directory) = &self.config.directory {
            command.current_dir(directory);
        }
        Ok(command)
    }

    /// Reads both streams to their ends, and gives the last line of standard error, if that is not harvested.
    async fn read(
        &self,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        outlet: Outlet,
    ) -> String {
        let errors_outlet = self.config.stderr.then(|| outlet.another());
        let output = self.lines("stdout", outlet);
        // The end of the command is that of its output, also when it is asked to end.
        let never = CancellationToken::new();
        let errors = async {
            let mut stderr = stderr?;
            match errors_outlet {
                Some(outlet) => {
                    let lines = self.lines("stderr", outlet);
                    lines.read_to_end(&mut stderr, &never).await.map(|()| String::new()).ok()
                }
                None => ErrorLines::new(self.name()).read_to_end(&mut stderr).await.ok(),
            }
        };
        let output = async {
            // A pipe fails only when nobody stores what is read, which shows there.
            if let Some(mut stdout) = stdout {
                output.read_to_end(&mut stdout, &never).await.ok();
            }
        };
        let ((), last_words) = tokio::join!(output, errors);
        last_words.unwrap_or_default()
    }

    fn lines(&self, origin: &'static str, outlet: Outlet) -> LineStream {
        LineStream::new(&self.line, &self.reader, origin, outlet, self.feed.metrics())
    }
}

impl Harvester for ExecHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        self.harvest(stopping).boxed()
    }
}

fn failed(command: &str, how: &str, last_words: &str) -> String {
    match last_words {
        "" => format!("`{command}` ended: {how}"),
        last_words => format!("`{command}` ended: {how}: {last_words}"),
    }
}
