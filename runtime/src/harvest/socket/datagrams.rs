//! Syslog in datagrams: each is a message.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::basket::{Basket, Batch};
use super::courier::carry;
use super::datagram_socket::{DatagramSocket, Door, Received};
use super::held::Held;
use super::kernel_drops::Drops;
use super::listener::name;
use crate::config::LineConfig;
use crate::harvest::{Failure, Feed, Harvester, Line, LineReader, Stopped};

/// Batches that wait to be stored: as long as there is room, nothing is left to the system's buffer.
const WAITING_BATCHES: usize = 16;
/// What is kept of a message that is too long.
const KEPT_BYTES: usize = 1024;
/// The longest datagram over UDP.
const LONGEST_UDP: usize = 64 << 10;
/// Longer messages are cut, whatever the configuration allows: the buffer is there all the time.
const LONGEST_UNIX: usize = 16 << 20;
/// How long it goes on to receive what has come when the service stops.
const LAST_RECEIVES: Duration = Duration::from_secs(1);

/// When none comes for so long, none is there.
const QUIET: Duration = Duration::from_millis(20);

/// Receives datagrams.
#[derive(Debug)]
pub(in crate::harvest) struct DatagramHarvester {
    door: Door,
    longest: usize,
    reader: Arc<LineReader>,
    feed: Feed,
}

/// A run under way.
struct Run<'a> {
    harvester: &'a DatagramHarvester,
    socket: DatagramSocket,
    basket: Basket,
    buffer: Vec<u8>,
    sender: Sender,
}

/// Who sent the last datagram: mostly it is the same one again.
#[derive(Default)]
struct Sender {
    address: Option<SocketAddr>,
    name: String,
}

impl DatagramHarvester {
    /// One that does as configured.
    pub(super) fn new(door: Door, line: &LineConfig, reader: Arc<LineReader>, feed: Feed) -> Self {
        let longest = usize::try_from(line.max_line_size.0).unwrap_or(usize::MAX);
        Self { door, longest, reader, feed }
    }

    async fn harvest(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let socket = DatagramSocket::bind(&self.door).await?;
        info!(harvester = self.name(), address = socket.address(), "listening");
        self.feed.mark_ready();
        let held = Held::new(self.feed.metrics().clone());
        let (batches, queue) = mpsc::channel(WAITING_BATCHES);
        // On another thread: receiving must not wait for it.
        let mut carrier = JoinSet::new();
        let feed = self.feed.clone();
        carrier.spawn(async move { carry(&feed, queue).await });
        let mut drops = Drops::new(&socket, self.feed.metrics());
        let mut run = Run::new(self, socket, &held);
        let received = tokio::select! {
            received = run.receive_all(&stopping, &batches) => received,
            never = drops.watch() => match never {},
        };
        drops.look().await;
        drop((run, batches));
        if let Some(Err(Stopped)) =
            carrier.join_next().await.transpose().map_err(|panic| fault(&panic))?
        {
            return Err(Stopped.into());
        }
        received
    }
}

impl Harvester for DatagramHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let outcome = self.harvest(stopping).await;
            self.feed.mark_ready();
            outcome
        }
        .boxed()
    }
}

impl<'a> Run<'a> {
    fn new(harvester: &'a DatagramHarvester, socket: DatagramSocket, held: &Arc<Held>) -> Self {
        let longest = match &socket {
            DatagramSocket::Udp(_) => LONGEST_UDP,
            // One byte more tells what is too long.
            DatagramSocket::Unix(..) => harvester.longest.saturating_add(1).min(LONGEST_UNIX),
        };
        let origin = match &socket {
            DatagramSocket::Udp(_) => String::new(),
            DatagramSocket::Unix(..) => socket.address(),
        };
        Self {
            harvester,
            socket,
            basket: Basket::new(&harvester.reader, held),
            buffer: vec![0; longest],
            sender: Sender { address: None, name: origin },
        }
    }

    async fn receive_all(
        &mut self,
        stopping: &CancellationToken,
        batches: &mpsc::Sender<Batch>,
    ) -> Result<(), Failure> {
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => return self.receive_rest(batches).await,
                received = self.socket.receive(&mut self.buffer) => {
                    self.take_in(received)?;
                    self.hand_over(batches).await?;
                }
            }
        }
    }

    /// What has come by now.
    async fn receive_rest(&mut self, batches: &mpsc::Sender<Batch>) -> Result<(), Failure> {
        let until = Instant::now() + LAST_RECEIVES;
        while Instant::now() < until {
            let Ok(received) = timeout(QUIET, self.socket.receive(&mut self.buffer)).await else {
                break;
            };
            self.take_in(received)?;
            self.hand_over(batches).await?;
        }
        Ok(())
    }

    /// Takes in a datagram and those that are there already, up to a full batch.
    fn take_in(&mut self, first: io::Result<Received>) -> Result<(), Failure> {
        let mut next = first.map(Some);
        while let Some((length, from)) = next.map_err(|error| failed(&error))? {
            self.add(length, from);
            if self.basket.is_full() {
                break;
            }
            next = self.socket.receive_now(&mut self.buffer);
        }
        Ok(())
    }

    fn add(&mut self, length: usize, from: Option<SocketAddr>) {
        self.basket.receive(length);
        let message = trimmed(self.buffer.get(..length).unwrap_or_default());
        if message.is_empty() {
            return;
        }
        let origin = self.sender.name(from);
        if message.len() > self.harvester.longest {
            let start = message.get(..KEPT_BYTES).unwrap_or(message);
            self.basket.add(Line::TooLong { start, bytes: length as u64 }, origin);
        } else {
            self.basket.add(Line::Whole(message), origin);
        }
    }

    async fn hand_over(&mut self, batches: &mpsc::Sender<Batch>) -> Result<(), Failure> {
        let Some(batch) = self.basket.take() else { return Ok(()) };
        batches.send(batch).await.map_err(|_| Stopped.into())
    }
}

impl Sender {
    /// The origin of what comes from this address; of what comes from nowhere it is the socket's own.
    fn name(&mut self, from: Option<SocketAddr>) -> &str {
        if let Some(address) = from
            && self.address != from
        {
            self.address = from;
            self.name = name(address);
        }
        &self.name
    }
}

/// Without the line end or NUL that some senders add.
fn trimmed(mut datagram: &[u8]) -> &[u8] {
    while let Some(rest) = datagram.strip_suffix(b"\n").or(datagram.strip_suffix(b"\0")) {
        datagram = rest;
    }
    datagram.strip_suffix(b"\r").unwrap_or(datagram)
}

fn failed(error: &io::Error) -> Failure {
    Failure::Passing(format!("cannot receive datagrams: {error}"))
}

fn fault(panic: &tokio::task::JoinError) -> Failure {
    Failure::Passing(format!("what was received can't be stored, by a fault of loglite: {panic}"))
}
