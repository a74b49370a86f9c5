//! One connection to a peer, from its first message to its end.
//!
//! Invariant: it reads only what the storing side has room for; then the peer's system and the peer itself hold what
//! comes, up to its high-water mark.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Peers;
use super::endpoint::Stream;
use super::frames::{BadFrame, Frames};
use super::messages::{Messages, still_here};
use crate::harvest::outlet::Outlet;

const READ_BYTES: usize = 32 << 10;
/// How long what a peer has sent already is waited for when the service stops, before and after it is told, and how
/// much of it is taken.
const CATCHING_UP: Duration = Duration::from_millis(500);
const LAST_WORDS: Duration = Duration::from_secs(1);
const MOST_LAST_BYTES: usize = 8 << 20;
/// Nothing is on its way any more when nothing comes for so long, or so little at once for so often.
const QUIET: Duration = Duration::from_millis(20);
const SHORT: usize = 32 << 10;
const SHORT_READS: u32 = 20;
/// A peer that asks whether we are there closes the connection when no answer comes. While there is no room its
/// question is not even read, so that it is told from time to time without.
const STILL_HERE: Duration = Duration::from_secs(1);

/// Receives from a peer, once hands are shaken, until it goes or the service stops.
///
/// # Errors
/// When the connection breaks; what had come before is handed on.
pub(super) async fn receive(
    stream: Box<dyn Stream>,
    peers: &Peers,
    mut outlet: Outlet,
    stopping: &CancellationToken,
) -> io::Result<()> {
    let _open = peers.open();
    let mut connection = Connection {
        stream,
        frames: Frames::new(peers.longest),
        messages: Messages::new(Arc::clone(&peers.reader), &peers.format),
    };
    let ended = connection.receive(peers, &mut outlet, stopping).await;
    if connection.frames.is_within() || connection.messages.is_within() {
        // libzmq writes 8 KB at a time, and what it has cut there it does not send again on its next connection.
        let harvester = peers.feed.source();
        warn!(%harvester, "a message is lost: the connection ended when its peer had sent half of it");
        peers.feed.metrics().lost.inc();
    }
    outlet.flush().await;
    ended
}

struct Connection {
    stream: Box<dyn Stream>,
    frames: Frames,
    messages: Messages,
}

impl Connection {
    async fn receive(
        &mut self,
        peers: &Peers,
        outlet: &mut Outlet,
        stopping: &CancellationToken,
    ) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        let mut ticks = interval(STILL_HERE);
        loop {
            let count = tokio::select! {
                count = outlet.read(&mut self.stream, &mut buffer) => count?,
                _ = ticks.tick(), if self.messages.is_asked() => {
                    self.answer().await?;
                    continue;
                }
                () = stopping.cancelled() => return self.take_leave(peers, outlet).await,
            };
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            self.take(bytes, peers, outlet)?;
            // A peer that is gone answers whatever comes by a reset, and what it has sent last is lost with that. So
            // all of it is read first.
            if count < READ_BYTES && self.messages.has_reply() {
                self.answer().await?;
            }
        }
    }

    async fn answer(&mut self) -> io::Result<()> {
        let reply = self.messages.take_reply().unwrap_or_else(still_here);
        self.stream.write_all(&reply).await
    }

    /// Ends the connection so that all the peer has sent is received. It is read before anything else is done with it: a
    /// peer that can't write forgets what it was about to write when the connection ends.
    async fn take_leave(&mut self, peers: &Peers, outlet: &mut Outlet) -> io::Result<()> {
        let mut rest = Vec::new();
        let heard = self.hear_out(&mut rest).await;
        for bytes in rest.chunks(READ_BYTES) {
            self.take(bytes, peers, outlet)?;
            outlet.flush().await;
        }
        heard
    }

    async fn hear_out(&mut self, rest: &mut Vec<u8>) -> io::Result<()> {
        // Whether nothing is left on its way shows only after the time for it.
        if let Ok(caught_up) = timeout(CATCHING_UP, self.catch_up(rest)).await {
            caught_up?;
        }
        // The peer then closes its side as well, behind all that it has sent already; what is left it keeps.
        self.stream.shutdown().await?;
        let to_the_end = async {
            while rest.len() < MOST_LAST_BYTES && self.read_more(rest).await? > 0 {}
            Ok(())
        };
        timeout(LAST_WORDS, to_the_end).await.unwrap_or(Ok(()))
    }

    /// Reads until what comes is only what the peer sends at the moment, and that ends with a message: of one that is
    /// half sent when the connection ends, the peer forgets the other half. A peer that sends without a pause may have
    /// begun another one meanwhile.
    async fn catch_up(&mut self, rest: &mut Vec<u8>) -> io::Result<()> {
        let mut frames = self.frames.clone();
        let mut short_reads = 0;
        while (short_reads < SHORT_READS || frames.is_within()) && rest.len() < MOST_LAST_BYTES {
            let known = rest.len();
            match timeout(QUIET, self.read_more(rest)).await {
                Ok(Ok(0)) | Err(_) => return Ok(()),
                Ok(Ok(count)) if count < SHORT => short_reads += 1,
                Ok(count) => short_reads = count.map(|_| 0)?,
            }
            frames.feed(rest.get(known..).unwrap_or_default(), |_| {}).map_err(invalid)?;
        }
        Ok(())
    }

    async fn read_more(&mut self, rest: &mut Vec<u8>) -> io::Result<usize> {
        rest.reserve(2 * SHORT);
        self.stream.read_buf(rest).await
    }

    fn take(&mut self, bytes: &[u8], peers: &Peers, outlet: &mut Outlet) -> io::Result<()> {
        peers.feed.metrics().bytes.inc_by(bytes.len() as u64);
        let (frames, messages) = (&mut self.frames, &mut self.messages);
        frames.feed(bytes, |frame| messages.take(frame, outlet.haul())).map_err(invalid)
    }
}

fn invalid(bad: BadFrame) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, bad)
}
