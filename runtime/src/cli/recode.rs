//! What `loglite compress` and `loglite decompress` have in common: the way through a column, and what is told of it.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::progress::RowProgress;
use super::stop::Stop;
use crate::store::recode::{Direction, RecodeError, Recoder, Recoding, Step, Tally};

/// A pause is at least as long as the transaction before it, and at least this long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// Between two attempts when another connection is in the way.
const BLOCKED_PAUSE: Duration = Duration::from_millis(100);
/// So long somebody may be in the way before that is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows got shorter, the file did not.
pub(super) const VACUUM: &str = "the file keeps its size, and new rows fill the room; a VACUUM gives it back to the disk: \
     `loglite vacuum`, with the service stopped";

/// How a column was left.
pub(super) enum Ending {
    Done(Tally),
    /// A signal ended it; the exit code says which.
    Interrupted(u8),
}

/// Signals that end the work after the present transaction.
pub(super) struct Signals {
    stop: Stop,
    runtime: tokio::runtime::Runtime,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let runtime = super::async_runtime()?;
        let stop = runtime.block_on(async { Stop::on_signals() });
        Ok(Self { stop: stop.context("cannot listen for signals")?, runtime })
    }

    /// Waits so long. The exit code of the signal that came meanwhile, or before.
    fn wait(&self, pause: Duration) -> Option<u8> {
        let stopped = self.stop.token.cancelled();
        let waited = self.runtime.block_on(async { tokio::time::timeout(pause, stopped).await });
        waited.ok().and_then(|()| self.stop.code())
    }
}

/// Recodes one column to its end, or until a signal.
pub(super) fn recode(
    recoding: &Recoding,
    column: crate::domain::ColumnId,
    direction: Direction,
    signals: &Signals,
) -> Result<Ending, RecodeError> {
    let mut recoder = recoding.start(column, direction)?;
    let mut progress = Progress::default();
    let mut blocked = Blocked::default();
    let outcome = loop {
        let pause = match recoder.step() {
            Ok(Step::Done) => break Ok(Ending::Done(recoder.tally().clone())),
            Ok(Step::Read) => Duration::ZERO,
            Ok(Step::Wrote(took)) => took.max(SHORTEST_PAUSE),
            Ok(Step::Blocked) => BLOCKED_PAUSE,
            Err(error) => {
                let name = recoding.name(column);
                tracing::warn!(column = name, "what is done stays, and the same command goes on");
                break Err(error);
            }
        };
        blocked.watch(pause == BLOCKED_PAUSE);
        progress.show(&recoder);
        if let Some(code) = signals.wait(pause) {
            break Ok(Ending::Interrupted(code));
        }
    };
    progress.end();
    outcome
}

/// A bar for each walk over the rows.
#[derive(Default)]
struct Progress {
    bar: Option<(&'static str, RowProgress)>,
}

impl Progress {
    fn show(&mut self, recoder: &Recoder<'_>) {
        let Some(place) = recoder.place() else { return };
        if self.bar.as_ref().is_none_or(|(what, _)| *what != place.what) {
            if let Some((_, bar)) = self.bar.take() {
                bar.end();
            }
            self.bar = Some((place.what, RowProgress::start(place.what, place.total)));
        }
        if let Some((_, bar)) = &mut self.bar {
            bar.set(place.done);
        }
    }

    fn end(self) {
        if let Some((_, bar)) = self.bar {
            bar.end();
        }
    }
}

/// Tells when nothing moves.
#[derive(Default)]
struct Blocked {
    since: Option<Instant>,
    is_told: bool,
}

impl Blocked {
    fn watch(&mut self, is_blocked: bool) {
        if !is_blocked {
            *self = Self::default();
            return;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE && !self.is_told {
            self.is_told = true;
            tracing::warn!(
                "waiting: another program writes without a pause, or a long query keeps the write-ahead log from being emptied"
            );
        }
    }
}

/// Where the column's cells are.
pub(super) fn places(indexes: u64) -> String {
    match indexes {
        0 => "the table".to_owned(),
        1 => "the table and an index".to_owned(),
        more => format!("the table and {more} indexes"),
    }
}

/// Ends the command as the signal asks for.
pub(super) fn interrupted(
    code: u8,
    column: &str,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    writeln!(out, "{column}: interrupted; the same command goes on where it was")?;
    Ok(ExitCode::from(code))
}
