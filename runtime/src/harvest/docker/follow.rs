//! Follows one container: reads its output from its position on, and hands over the lines.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::api::{Container, Facts};
use super::engine::{Chunks, Engine, EngineError};
use super::lines::{Lines, Written};
use super::messages::{BadStream, Messages};
use super::position::Position;
use super::reader::Reader;
use crate::domain::CheckpointKey;
use crate::harvest::{Backoff, Feed, Stopped};
use crate::pipeline::{HaulBuilder, Prepared};

/// Between the end of a running container's output and the next try to read it.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// What one container hands over at once: a thousand of them may do so together.
const MOST_ENTRIES: usize = 1_000;
const MOST_BYTES: usize = 64 << 10;

/// One container's follower.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) engine: Engine,
    pub(super) feed: Feed,
    pub(super) reader: Arc<Reader>,
    pub(super) container: Container,
    pub(super) position: Position,
    pub(super) stopping: CancellationToken,
}

/// How following a container has ended.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) id: String,
    /// Behind all that is stored.
    pub(super) position: Position,
    pub(super) end: End,
}

/// Why it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The container has ended, and all its output is stored.
    Read,
    /// There is no such container.
    Gone,
    /// It was asked to.
    Stopped,
}

/// What came of one try to read.
enum Outcome {
    End(End),
    /// The output broke off, and the container runs.
    BrokenOff,
}

/// Why a try has failed.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Stream(#[from] BadStream),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What is open while a container is read.
struct Open {
    facts: Facts,
    chunks: Chunks,
    messages: Messages,
    lines: Lines,
}

/// What is handed over at once.
#[derive(Default)]
struct Batch {
    entries: HaulBuilder,
    bytes: u64,
}

/// Why collecting has ended.
enum Collected {
    /// There is nothing more for now, or enough.
    Enough,
    /// The output has ended.
    End,
    /// It was asked to end.
    Stopped,
}

impl Follower {
    /// Reads until the container has ended.
    pub(super) async fn run(mut self) -> Followed {
        let mut backoff = Backoff::default();
        let end = loop {
            let before = self.position;
            let outcome = self.follow().await;
            if self.position != before {
                backoff.reset();
            }
            let pause = match outcome {
                Ok(Outcome::End(end)) => break end,
                Err(FollowError::Stopped(_)) => break End::Stopped,
                Ok(Outcome::BrokenOff) => RETRY_PAUSE,
                Err(error) => self.announce(&error, &mut backoff),
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.stopping.cancelled() => break End::Stopped,
            }
        };
        Followed { id: self.container.id, position: self.position, end }
    }

    fn announce(&self, error: &FollowError, backoff: &mut Backoff) -> Duration {
        let pause = backoff.next_pause().duration();
        warn!(
            harvester = %self.feed.source(),
            container = self.container.name,
            %error,
            seconds = pause.as_secs_f64(),
            "a container's log can't be read; is tried again"
        );
        pause
    }

    async fn follow(&mut self) -> Result<Outcome, FollowError> {
        let Some(facts) = self.inspect().await? else { return Ok(Outcome::End(End::Gone)) };
        let id = &self.container.id;
        let chunks = tokio::select! {
            chunks = self.engine.logs(id, self.position.since_nanos()) => chunks?,
            () = self.stopping.cancelled() => return Ok(Outcome::End(End::Stopped)),
        };
        let messages = Messages::new(facts.has_terminal);
        let lines = Lines::new(self.reader.line(), self.position);
        let mut open = Open { facts, chunks, messages, lines };
        self.read(&mut open).await
    }

    async fn inspect(&self) -> Result<Option<Facts>, EngineError> {
        Ok(self.engine.inspect(&self.container.id).await?.map(Facts::from))
    }

    /// Collects lines while those before them are stored.
    async fn read(&mut self, open: &mut Open) -> Result<Outcome, FollowError> {
        let mut prepared = None;
        loop {
            let mut batch = Batch::default();
            let collecting = self.collect(open, &mut batch);
            let (collected, stored) = tokio::join!(collecting, store(&self.feed, prepared.take()));
            self.position = stored?.unwrap_or(self.position);
            let outcome = match collected {
                Ok(Collected::Enough) => None,
                Ok(Collected::Stopped) => Some(Ok(Outcome::End(End::Stopped))),
                Ok(Collected::End) => Some(self.end(open, &mut batch).await),
                Err(error) => Some(Err(error)),
            };
            prepared = self.prepare(batch, open.lines.position()).await?;
            if let Some(outcome) = outcome {
                self.position = store(&self.feed, prepared).await?.unwrap_or(self.position);
                return outcome;
            }
        }
    }

    /// Waits for output, and takes what is there; dropping the future loses nothing.
    async fn collect(&self, open: &mut Open, batch: &mut Batch) -> Result<Collected, FollowError> {
        loop {
            let Open { facts, chunks, messages, lines } = &mut *open;
            let chunk = if batch.is_empty() {
                tokio::select! {
                    chunk = chunks.next() => chunk?,
                    () = self.stopping.cancelled() => return Ok(Collected::Stopped),
                    () = settled(lines.has_event(), self.reader.patience()) => {
                        lines.settle(|written| self.reader.read(written, facts, &mut batch.entries));
                        continue;
                    }
                }
            } else {
                let Some(chunk) = chunks.next().now_or_never() else {
                    return Ok(Collected::Enough);
                };
                chunk?
            };
            let Some(chunk) = chunk else { return Ok(Collected::End) };
            batch.bytes += chunk.len() as u64;
            messages.feed(&chunk, |message| {
                lines.feed(message, |written| self.reader.read(written, facts, &mut batch.entries));
            })?;
            if batch.is_full() {
                return Ok(Collected::Enough);
            }
        }
    }

    /// The output has ended: what has no line's end gets none any more if the container has ended, too.
    async fn end(&self, open: &mut Open, batch: &mut Batch) -> Result<Outcome, FollowError> {
        let end = match self.inspect().await? {
            Some(facts) if facts.is_running => return Ok(Outcome::BrokenOff),
            Some(_) => End::Read,
            None => End::Gone,
        };
        let Open { facts, messages, lines, .. } = open;
        let mut read = |written: Written<'_>| self.reader.read(written, facts, &mut batch.entries);
        messages.finish(|message| lines.feed(message, &mut read));
        lines.finish(read);
        Ok(Outcome::End(end))
    }

    async fn prepare(
        &self,
        mut batch: Batch,
        position: Position,
    ) -> Result<Option<(Prepared, Position)>, Stopped> {
        self.feed.metrics().bytes.inc_by(batch.bytes);
        let mut haul = batch.entries.take();
        if haul.is_empty() && position == self.position {
            return Ok(None);
        }
        let key = CheckpointKey::of_input(self.feed.source(), &self.container.id);
        haul.checkpoints.push((key, Some(position.checkpoint())));
        Ok(Some((self.feed.prepare(haul).await?, position)))
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES || self.entries.byte_len() >= MOST_BYTES
    }
}

/// Stores what was prepared; returns the position behind it.
async fn store(
    feed: &Feed,
    prepared: Option<(Prepared, Position)>,
) -> Result<Option<Position>, Stopped> {
    let Some((prepared, position)) = prepared else { return Ok(None) };
    feed.store(prepared).await?;
    Ok(Some(position))
}

/// Waits until lines that may go on have waited for long enough; for ever when there are none.
async fn settled(has_event: bool, patience: Duration) {
    if has_event { sleep(patience).await } else { std::future::pending().await }
}
