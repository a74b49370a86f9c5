//! Files that grow: each line of each file that matches the patterns is handed over once, whatever becomes of the file.
//!
//! A file is known by its inode and by what was read of it ([`identity`]), not by its name. [`discovery`] finds files,
//! [`watcher`] hears of changes, [`look`] takes note of them, [`gather`] gives each file its turn, [`turn`] reads on in
//! one of them, [`copies`] tells copies that rotation makes from new files. Positions are committed with the lines
//! they cover ([`position`]). Nothing is ever written to the files or beside them.

mod copies;
mod discovery;
mod gather;
mod gzip;
mod handles;
mod identity;
mod kin;
mod look;
mod names;
mod pattern;
mod position;
mod start;
mod tailed;
mod tails;
#[cfg(test)]
mod tests;
mod turn;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use gather::Gathered;
use tails::{Left, Tails};

use super::{Failure, Feed, Harvester, LineReader};
use crate::config::{FileConfig, LineConfig};
use crate::pipeline::Prepared;

/// Changes that follow each other this closely are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Harvests files.
#[derive(Debug)]
pub(super) struct FileHarvester {
    config: FileConfig,
    line: LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
}

/// Entries on their way.
struct Underway {
    prepared: Prepared,
    bytes: u64,
    /// What is left when they are stored.
    unread: u64,
}

impl FileHarvester {
    /// As configured.
    pub(super) fn new(
        config: &FileConfig,
        line: &LineConfig,
        reader: Arc<LineReader>,
        feed: Feed,
    ) -> Self {
        Self { config: config.clone(), line: line.clone(), reader, feed }
    }

    async fn harvest(&self, stopping: &CancellationToken) -> Result<(), Failure> {
        let mut tails = self.resume().await?;
        let signals = Arc::clone(tails.watcher.signals());
        let mut underway: Option<Underway> = None;
        loop {
            let bytes = underway.as_ref().map_or(0, |batch| batch.bytes);
            let (made, stored) = tokio::join!(self.make(tails, bytes), self.store(underway.take()));
            stored?;
            let has_more;
            (tails, underway, has_more) = made?;
            self.feed.mark_ready();
            if stopping.is_cancelled() {
                return self.store(underway).await;
            }
            if underway.is_some() || has_more {
                continue;
            }
            let due = tails.next_due();
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = sleep_until(due.into()) => {}
                () = signals.woken() => sleep(DEBOUNCE).await,
            }
        }
    }

    async fn resume(&self) -> Result<Tails, Failure> {
        let marker = self.feed.checkpoint().await;
        let left = Left { marker, positions: self.feed.input_checkpoints().await };
        let (config, line) = (self.config.clone(), self.line.clone());
        let to = (Arc::clone(&self.reader), self.feed.metrics().clone());
        blocking(move || Tails::resume(&config, &line, to, &left)).await?
    }

    /// Gathers the next haul and prepares it. `before` are bytes that are still being stored.
    async fn make(
        &self,
        mut tails: Tails,
        before: u64,
    ) -> Result<(Tails, Option<Underway>, bool), Failure> {
        let gather = move || {
            let gathered = tails.gather();
            (tails, gathered)
        };
        let (tails, gathered) = blocking(gather).await?;
        let Gathered { haul, unread, bytes, has_more } = gathered;
        self.feed.metrics().set_lag(unread + bytes + before);
        let Some(haul) = haul else { return Ok((tails, None, has_more)) };
        let prepared = self.feed.prepare(haul).await?;
        Ok((tails, Some(Underway { prepared, bytes, unread }), has_more))
    }

    async fn store(&self, underway: Option<Underway>) -> Result<(), Failure> {
        let Some(Underway { prepared, unread, .. }) = underway else { return Ok(()) };
        self.feed.store(prepared).await?;
        self.feed.metrics().set_lag(unread);
        Ok(())
    }
}

impl Harvester for FileHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let outcome = self.harvest(&stopping).await;
            self.feed.mark_ready();
            outcome
        }
        .boxed()
    }
}

/// Runs what reads files off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| Failure::Passing(format!("reading files was cut off: {error}")))
}
