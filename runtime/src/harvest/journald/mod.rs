//! The journal of systemd, read through `journalctl` that goes on behind the last record stored.
//!
//! Invariant: the cursor of a record is committed with it, so each record is there once, whatever ends the service.

mod record;

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::AsyncRead;
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::command::Running;
use super::outlet::{Outlet, outlet};
use super::stderr::ErrorLines;
use super::{Assembler, Failure, Feed, Harvester, Line, LineReader};
use crate::config::{JournaldConfig, LineConfig, Start};
use crate::domain::Checkpoint;
use crate::pipeline::HaulBuilder;
use record::read_record;

const READ_BYTES: usize = 32 << 10;

/// Harvests the journal.
#[derive(Debug)]
pub(super) struct JournaldHarvester {
    config: JournaldConfig,
    line: LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
}

/// How a run of journalctl ended.
struct Ended {
    /// The last line that it wrote to standard error.
    last_words: String,
    /// Bytes of records that it wrote.
    bytes: u64,
}

impl JournaldHarvester {
    pub(super) fn new(
        config: &JournaldConfig,
        line: LineConfig,
        reader: Arc<LineReader>,
        feed: Feed,
    ) -> Self {
        // Records are lines of their own here; what belongs together is one record already.
        let line = LineConfig { multiline: None, ..line };
        Self { config: config.clone(), line, reader, feed }
    }

    async fn harvest(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let mut cursor = self.feed.checkpoint().await;
        if cursor.is_none() && self.config.start == Start::End {
            cursor = self.newest(&stopping).await?;
        }
        let after = cursor.as_ref().map(cursor_argument);
        let follow =
            self.command(after.iter().map(String::as_str).chain(["--no-tail", "--follow"]));
        let (status, ended) = self.run(follow, &stopping).await?;
        if stopping.is_cancelled() {
            return Ok(());
        }
        let is_unknown = ended.bytes == 0 && ended.last_words.to_lowercase().contains("cursor");
        if cursor.is_some() && is_unknown {
            self.forget(&ended.last_words).await?;
        }
        Err(Failure::Passing(format!("journalctl ended: {status}: {}", ended.last_words)))
    }

    /// Where the journal ends, so that what comes while the service is down is not taken for old. It is stored at once.
    async fn newest(&self, stopping: &CancellationToken) -> Result<Option<Checkpoint>, Failure> {
        let mut command = self.command(["--lines=1"]);
        let output = tokio::select! {
            output = command.stdin(Stdio::null()).kill_on_drop(true).output() => output,
            () = stopping.cancelled() => return Err(Failure::Passing("stopped at its start".into())),
        };
        let output = output.map_err(|error| self.cannot_run(&error))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let reason = format!("journalctl ended: {}: {}", output.status, words.trim());
            return Err(Failure::Passing(reason));
        }
        let last = output.stdout.trim_ascii().rsplit(|byte| *byte == b'\n').next();
        let newest =
            last.and_then(|last| read_record(last, &self.reader, &mut HaulBuilder::default()));
        if let Some(cursor) = &newest {
            self.stand_at(Some(cursor.clone())).await?;
        }
        Ok(newest)
    }

    /// The journal begins behind the position: what is left of it is all new.
    async fn forget(&self, last_words: &str) -> Result<(), Failure> {
        warn!(
            harvester = self.name(),
            error = last_words,
            "the journal no longer holds the record that was read last; goes on with its oldest one"
        );
        self.stand_at(None).await
    }

    async fn stand_at(&self, cursor: Option<Checkpoint>) -> Result<(), Failure> {
        let mut haul = HaulBuilder::default().take();
        haul.checkpoints.push((self.feed.source().into(), cursor));
        self.feed.deliver(haul).await?;
        Ok(())
    }

    fn command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.config.program);
        // Without --all long fields are left out. Messages are looked at, so they must be English.
        command.args(["--output=json", "--all", "--no-pager"]).env("LC_ALL", "C");
        command.args(arguments);
        for unit in &self.config.units {
            command.arg(format!("--unit={unit}"));
        }
        command.args(&self.config.matches);
        command
    }

    /// Stores what it writes until it ends.
    async fn run(
        &self,
        command: Command,
        stopping: &CancellationToken,
    ) -> Result<(String, Ended), Failure> {
        let (mut running, (stdout, stderr)) =
            Running::start(command).map_err(|error| self.cannot_run(&error))?;
        self.feed.metrics().inputs.inc();
        let (outlet, hauls) = outlet();
        let work =
            async { tokio::join!(self.read(stdout, stderr, outlet), hauls.store_all(&self.feed)) };
        let done = running.until_done(work, stopping).await;
        self.feed.metrics().inputs.dec();
        let (ended, stored) =
            done.unwrap_or((Ended { last_words: String::new(), bytes: 0 }, Ok(())));
        stored?;
        let status =
            running.status(stopping).await.map_or_else(|e| e.to_string(), |s| s.to_string());
        Ok((status, ended))
    }

    async fn read(
        &self,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        outlet: Outlet,
    ) -> Ended {
        let records = async {
            match stdout {
                Some(mut stdout) => self.read_records(&mut stdout, outlet).await,
                None => 0,
            }
        };
        let errors = async { ErrorLines::new(self.name()).read_to_end(&mut stderr?).await.ok() };
        let (bytes, last_words) = tokio::join!(records, errors);
        Ended { bytes, last_words: last_words.unwrap_or_default() }
    }

    /// Reads to the end, and counts bytes. A last record without its end is read again, as its cursor is not stored.
    async fn read_records(&self, stdout: &mut (impl AsyncRead + Unpin), mut outlet: Outlet) -> u64 {
        let mut assembler = Assembler::new(&self.line);
        let mut buffer = vec![0; READ_BYTES];
        let mut bytes = 0;
        // A pipe fails only when nobody stores what is read, which shows there.
        while let Ok(count @ 1..) = outlet.read(stdout, &mut buffer).await {
            bytes += count as u64;
            self.feed.metrics().bytes.inc_by(count as u64);
            let mut position = None;
            let chunk = buffer.get(..count).unwrap_or_default();
            assembler.feed(chunk, |line| self.read_line(line, outlet.haul(), &mut position));
            if let Some(position) = position {
                outlet.stand_at(self.feed.source().into(), position);
            }
        }
        outlet.flush().await;
        bytes
    }

    fn read_line(&self, line: Line<'_>, out: &mut HaulBuilder, position: &mut Option<Checkpoint>) {
        match line {
            Line::Whole(record) => {
                if let Some(cursor) = read_record(record, &self.reader, out) {
                    *position = Some(cursor);
                }
            }
            cut => self.reader.read(cut, "", out),
        }
    }

    fn cannot_run(&self, error: &io::Error) -> Failure {
        let program = self.config.program.display();
        Failure::Passing(format!(
            "`{program}` can't be run: {error}; set `program` to journalctl's path"
        ))
    }
}

impl Harvester for JournaldHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        self.harvest(stopping).boxed()
    }
}

fn cursor_argument(cursor: &Checkpoint) -> String {
    format!("--after-cursor={}", String::from_utf8_lossy(&cursor.0))
}
