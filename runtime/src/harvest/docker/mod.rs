//! Logs of containers, from the engine that runs them, such as Docker.
//!
//! The list of containers says which there are, its events which start. Each has a follower with a connection and a
//! position of its own; a follower that waits for the commit does not read, and the engine keeps what it has written.

mod amend;
mod api;
mod choice;
mod engine;
mod fleet;
mod follow;
mod lines;
mod messages;
mod position;
mod reader;
mod starts;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use self::choice::Choice;
use self::engine::{Engine, EngineError};
use self::fleet::Fleet;
use self::reader::Reader;
use self::starts::Starts;
use super::{Failure, Feed, Harvester, LineReader};
use crate::config::{DockerConfig, LineConfig};

/// Between two looks at all containers: what their events did not tell is found then.
const LOOK: Duration = Duration::from_secs(60);

/// Harvests the logs of an engine's containers.
#[derive(Debug)]
pub(super) struct DockerHarvester {
    config: DockerConfig,
    reader: Arc<Reader>,
    feed: Feed,
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Passing(error.to_string())
    }
}

impl DockerHarvester {
    /// As configured. `timestamp_column` is the log table's.
    #[must_use]
    pub(super) fn new(
        config: DockerConfig,
        line: LineConfig,
        (reader, timestamp_column): (Arc<LineReader>, &str),
        feed: Feed,
    ) -> Self {
        let reader = Reader::new(reader, line, timestamp_column.to_owned(), &config).into();
        Self { config, reader, feed }
    }

    async fn harvest(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let choice = Choice::new(&self.config).map_err(|error| {
            Failure::Hopeless(format!("`include` and `exclude` must be patterns: {error}"))
        })?;
        let engine = Engine::reach(&self.config.socket).await?;
        // Events first: what starts after the list was made must not be missed.
        let mut starts = Starts::of(&engine).await?;
        let mut fleet = Fleet::new(engine, self.feed.clone(), Arc::clone(&self.reader), choice);
        fleet.recall(self.config.start).await?;
        let outcome = self.watch(&mut starts, &mut fleet, &stopping).await;
        fleet.disband().await;
        outcome
    }

    async fn watch(
        &self,
        starts: &mut Starts,
        fleet: &mut Fleet,
        stopping: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                _ = looks.tick() => fleet.look().await?,
                started = starts.next() => fleet.started(started?),
                ended = fleet.tend() => ended?,
            }
        }
    }
}

impl Harvester for DockerHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        self.harvest(stopping).boxed()
    }
}
