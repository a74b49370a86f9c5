//! The followers of all containers: which are to be read, where they stand, and when a container is forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::api::{Container, Listed};
use super::choice::Choice;
use super::engine::Engine;
use super::follow::{End, Followed, Follower};
use super::position::Position;
use super::reader::Reader;
use crate::config::Start;
use crate::domain::{Checkpoint, CheckpointKey};
use crate::harvest::{Failure, Feed, Stopped};
use crate::pipeline::Haul;

/// Containers that are followed at once; further ones wait.
const MOST_FOLLOWED: usize = 1_000;
/// A position is kept for so long after its container is gone: an engine that has just started may not know all yet.
const KEPT: Duration = Duration::from_secs(600);
/// How long followers may take to hand over what they hold.
const PATIENCE: Duration = Duration::from_secs(3);

/// The followers of an engine's containers.
#[derive(Debug)]
pub(super) struct Fleet {
    engine: Engine,
    feed: Feed,
    reader: Arc<Reader>,
    choice: Choice,
    stopping: CancellationToken,
    followers: JoinSet<Followed>,
    places: Arc<Semaphore>,
    /// Where containers stand that were read or that are to begin later than at their first line.
    positions: HashMap<String, Position>,
    /// Containers with a follower; those that have started once more meanwhile are followed once more.
    followed: HashMap<String, Option<Container>>,
    /// Containers that have ended and were read.
    read: HashSet<String>,
    /// Containers with a position that are not there any more, and since when.
    gone: HashMap<String, Instant>,
}

impl Fleet {
    pub(super) fn new(engine: Engine, feed: Feed, reader: Arc<Reader>, choice: Choice) -> Self {
        Self {
            engine,
            feed,
            reader,
            choice,
            stopping: CancellationToken::new(),
            followers: JoinSet::new(),
            places: Arc::new(Semaphore::new(MOST_FOLLOWED)),
            positions: HashMap::new(),
            followed: HashMap::new(),
            read: HashSet::new(),
            gone: HashMap::new(),
        }
    }

    /// Reads where containers stand. At the very first start that is noted: the end, if so configured, for those that
    /// are there; all others begin at their first line.
    pub(super) async fn recall(&mut self, start: Start) -> Result<(), Failure> {
        for (key, checkpoint) in self.feed.input_checkpoints().await {
            let Some(id) = key.input() else { continue };
            let Some(position) = Position::of(&checkpoint) else {
                warn!(harvester = %self.feed.source(), container = id, "its position can't be read; begins anew");
                continue;
            };
            self.positions.insert(id.to_owned(), position);
        }
        if self.feed.checkpoint().await.is_some() {
            return Ok(());
        }
        if start == Start::End {
            let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
            let there = self.engine.containers().await?.into_iter().filter_map(Listed::container);
            self.positions.extend(there.map(|container| (container.id, Position::at(now))));
        }
        self.note_first_start().await?;
        Ok(())
    }

    async fn note_first_start(&self) -> Result<(), Stopped> {
        let source = self.feed.source();
        let positions = self.positions.iter().map(|(id, position)| {
            (CheckpointKey::of_input(source, id), Some(position.checkpoint()))
        });
        let marker = (source.into(), Some(Checkpoint(b"started".to_vec())));
        let checkpoints = positions.chain([marker]).collect();
        self.feed.deliver(Haul { checkpoints, ..Haul::default() }).await?;
        Ok(())
    }

    /// Looks which containers there are: follows those that are new, and forgets those that are gone for long.
    pub(super) async fn look(&mut self) -> Result<(), Failure> {
        let listed = self.engine.containers().await?;
        let there: HashSet<String> = listed.iter().map(|listed| listed.id.clone()).collect();
        self.read.retain(|id| there.contains(id));
        for listed in listed {
            let is_running = listed.is_running();
            let Some(container) = listed.container() else { continue };
            let is_known = self.followed.contains_key(&container.id);
            if !is_known && (is_running || !self.read.contains(&container.id)) {
                self.follow(container);
            }
        }
        self.forget(&there).await?;
        Ok(())
    }

    /// A container has started.
    pub(super) fn started(&mut self, container: Container) {
        match self.followed.get_mut(&container.id) {
            Some(again) => *again = Some(container),
            None => self.follow(container),
        }
    }

    /// Waits for the next follower to end; for ever when there is none. Dropping the future loses nothing.
    pub(super) async fn tend(&mut self) -> Result<(), Failure> {
        match self.followers.join_next().await {
            None => std::future::pending().await,
            Some(Ok(followed)) => {
                self.ended(followed);
                Ok(())
            }
            Some(Err(cause)) => {
                Err(Failure::Passing(format!("a container's follower broke off: {cause}")))
            }
        }
    }

    /// Ends all followers; they hand over what they hold.
    pub(super) async fn disband(&mut self) {
        self.stopping.cancel();
        let ended = async { while self.followers.join_next().await.is_some() {} };
        if timeout(PATIENCE, ended).await.is_err() {
            self.followers.shutdown().await;
        }
        self.feed.metrics().inputs.set(0);
    }

    fn follow(&mut self, container: Container) {
        if !self.choice.takes(&container) {
            return;
        }
        let (harvester, name, image) = (self.feed.source(), &container.name, &container.image);
        debug!(%harvester, container = name, image, "reads a container's log");
        let id = container.id.clone();
        let position = self.positions.get(&id).copied().unwrap_or_default();
        let follower = Follower {
            engine: self.engine.clone(),
            feed: self.feed.clone(),
            reader: Arc::clone(&self.reader),
            container,
            position,
            stopping: self.stopping.clone(),
        };
        let places = Arc::clone(&self.places);
        if places.available_permits() == 0 {
            info!(harvester = %self.feed.source(), most = MOST_FOLLOWED, "further containers wait until others end");
        }
        self.followers.spawn(async move {
            // Nobody closes it.
            let _place = places.acquire_owned().await.ok();
            follower.run().await
        });
        self.read.remove(&id);
        self.followed.insert(id, None);
        self.count();
    }

    fn ended(&mut self, followed: Followed) {
        let Followed { id, position, end } = followed;
        if position != Position::default() {
            self.positions.insert(id.clone(), position);
        }
        let again = self.followed.remove(&id).flatten();
        self.count();
        if end == End::Read {
            self.read.insert(id);
        }
        if let Some(container) = again.filter(|_| end != End::Stopped) {
            self.follow(container);
        }
    }

    /// Deletes positions of containers that have been gone for long.
    async fn forget(&mut self, there: &HashSet<String>) -> Result<(), Stopped> {
        let now = Instant::now();
        let ids = self.positions.keys().filter(|id| !there.contains(*id));
        let ids = ids.filter(|id| !self.followed.contains_key(*id));
        let mut gone = HashMap::new();
        for id in ids {
            gone.insert(id.clone(), self.gone.get(id).copied().unwrap_or(now));
        }
        let is_old = |since: &Instant| now.duration_since(*since) >= KEPT;
        let old: Vec<String> =
            gone.iter().filter(|(_, since)| is_old(since)).map(|(id, _)| id.clone()).collect();
        self.gone = gone;
        if old.is_empty() {
            return Ok(());
        }
        let source = self.feed.source();
        let checkpoints =
            old.iter().map(|id| (CheckpointKey::of_input(source, id), None)).collect();
        self.feed.deliver(Haul { checkpoints, ..Haul::default() }).await?;
        for id in old {
            self.positions.remove(&id);
            self.gone.remove(&id);
        }
        Ok(())
    }

    fn count(&self) {
        let followed = i64::try_from(self.followed.len()).unwrap_or(i64::MAX);
        self.feed.metrics().inputs.set(followed);
    }
}
