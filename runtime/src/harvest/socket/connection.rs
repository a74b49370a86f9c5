//! One peer's connection: what it sends becomes batches until it ends, is silent for too long, or the service stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::basket::{Basket, Batch, FULL_BYTES};
use super::buffers::{Buffers, Chunk};
use super::courier::carry;
use super::held::Held;
use super::peer::Peer;
use crate::config::{Framing, LineConfig};
use crate::harvest::{Assembler, Feed, LineReader, Stopped};

/// How long it is read on after the service was asked to stop.
const LAST_READS: Duration = Duration::from_secs(1);
/// A peer that sends nothing for so long by then has sent all.
const QUIET: Duration = Duration::from_millis(50);
/// How long a peer's last word may take to be written.
const FAREWELL: Duration = Duration::from_millis(500);

/// What a batch may take.
const ROOM: u32 = FULL_BYTES as u32;

/// What all connections of a run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) feed: Feed,
    pub(super) reader: Arc<LineReader>,
    pub(super) line: LineConfig,
    pub(super) framing: Framing,
    /// Zero: never.
    pub(super) idle_timeout: Duration,
    /// Room for batches that are not stored yet, in bytes.
    pub(super) room: Arc<Semaphore>,
    pub(super) held: Arc<Held>,
    pub(super) buffers: Buffers,
    pub(super) stopping: CancellationToken,
}

/// A connection under way.
#[derive(Debug)]
pub(super) struct Connection {
    peer: Peer,
    origin: String,
    shared: Arc<Shared>,
    assembler: Assembler,
    basket: Basket,
    /// When the last read is to be over, once the service stops.
    until: Option<Instant>,
    /// When bytes came last.
    heard: Instant,
}

/// What comes next of a peer.
enum Next {
    Bytes(Chunk),
    /// Nothing for a while: what may be complete is.
    Silence,
    /// The service stops: what is on its way is still read.
    Stopping,
    End(End),
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    Closed,
    Broken,
    Idle,
    Stopped,
}

impl Connection {
    pub(super) fn new(peer: Peer, origin: String, shared: Arc<Shared>) -> Self {
        let assembler = Assembler::framed(&shared.line, shared.framing);
        let basket = Basket::new(&shared.reader, &shared.held);
        Self { peer, origin, shared, assembler, basket, until: None, heard: Instant::now() }
    }

    /// Takes in all that the peer sends, and closes the connection once it is stored.
    ///
    /// # Errors
    /// [`Stopped`]: not all is stored, and the connection was reset.
    pub(super) async fn run(mut self) -> Result<(), Stopped> {
        let (sender, batches) = mpsc::channel(1);
        let feed = self.shared.feed.clone();
        let ((), carried) = tokio::join!(self.gather(sender), carry(&feed, batches));
        carried?;
        self.peer.close(FAREWELL).await;
        Ok(())
    }

    /// Ends early when nobody takes batches any more.
    async fn gather(&mut self, batches: mpsc::Sender<Batch>) {
        loop {
            let end = match self.next().await {
                Next::Bytes(chunk) => {
                    self.take_in(chunk);
                    self.fill().await
                }
                Next::Silence => self.settle(),
                Next::Stopping => continue,
                Next::End(end) => Some(end),
            };
            if let Some(end) = &end {
                self.finish(end);
            }
            if let Some(batch) = self.basket.take()
                && batches.send(batch).await.is_err()
            {
                return;
            }
            if end.is_some() {
                return;
            }
        }
    }

    async fn next(&mut self) -> Next {
        let (deadline, due) = self.deadline();
        let (shared, is_stopping) = (&self.shared, self.until.is_some());
        let due_at = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shared.stopping.cancelled(), if !is_stopping => {
                self.until = Some(Instant::now() + LAST_READS);
                Next::Stopping
            }
            read = shared.buffers.read(&mut self.peer) => outcome(read),
            () = due_at => due,
        }
    }

    /// Until when it waits for bytes, and what it means when none come.
    fn deadline(&self) -> (Option<Instant>, Next) {
        if let Some(until) = self.until {
            return (Some(until.min(Instant::now() + QUIET)), Next::End(End::Stopped));
        }
        let idle = self.shared.idle_timeout;
        let idle = (!idle.is_zero()).then(|| self.heard + idle);
        let multiline = self.shared.line.multiline.as_ref();
        let silence =
            multiline.filter(|_| self.assembler.has_event()).map(|m| self.heard + m.timeout);
        match (silence, idle) {
            (Some(silence), idle) if idle.is_none_or(|idle| silence < idle) => {
                (Some(silence), Next::Silence)
            }
            (_, idle) => (idle, Next::End(End::Idle)),
        }
    }

    /// Waits for room and then takes in what has come by then, up to a full batch.
    async fn fill(&mut self) -> Option<End> {
        if self.basket.is_empty() {
            return None;
        }
        if !self.basket.has_room() {
            let room = Arc::clone(&self.shared.room).acquire_many_owned(ROOM).await;
            self.basket.occupy(room.expect("nobody closes the semaphore"));
        }
        while !self.basket.is_full() {
            // Other connections and the storing of what came before are due as well.
            tokio::task::yield_now().await;
            let shared = Arc::clone(&self.shared);
            let read = shared.buffers.read_now(&mut self.peer).await.transpose()?;
            match outcome(read) {
                Next::Bytes(chunk) => self.take_in(chunk),
                Next::End(end) => return Some(end),
                Next::Silence | Next::Stopping => return None,
            }
        }
        None
    }

    fn take_in(&mut self, chunk: Chunk) {
        self.heard = Instant::now();
        let Self { assembler, basket, origin, .. } = self;
        basket.receive(chunk.bytes().len());
        assembler.feed(chunk.bytes(), |line| basket.add(line, origin));
        self.shared.buffers.give_back(chunk);
    }

    fn settle(&mut self) -> Option<End> {
        let Self { assembler, basket, origin, .. } = self;
        assembler.settle(|line| basket.add(line, origin));
        None
    }

    /// What is pending won't be completed any more.
    fn finish(&mut self, end: &End) {
        debug!(harvester = %self.shared.feed.source(), peer = self.origin, why = ?end, "a connection ends");
        let Self { assembler, basket, origin, .. } = self;
        assembler.finish(|line| basket.add(line, origin));
    }
}

fn outcome(read: io::Result<Chunk>) -> Next {
    match read {
        Ok(chunk) if chunk.bytes().is_empty() => Next::End(End::Closed),
        Ok(chunk) => Next::Bytes(chunk),
        Err(error) => {
            debug!(%error, "a connection breaks");
            Next::End(End::Broken)
        }
    }
}
