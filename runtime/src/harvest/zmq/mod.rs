//! Messages of ZeroMQ sockets: a PULL or SUB socket, bound or connected, at any number of endpoints.
//!
//! It speaks ZMTP 3 itself. The `zeromq` crate reserves memory for whatever length a frame announces, so that any peer
//! can end the process, closes connections whose peers send heartbeats, and neither connects a PULL socket again nor
//! limits how long a handshake may take.

mod connection;
mod endpoint;
mod frames;
mod handshake;
mod messages;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::outlet::{Outlet, outlet};
use super::seldom::Seldom;
use super::{Failure, Feed, Harvester, LineReader};
use crate::config::{LineConfig, LineFormat, ZmqConfig};
use endpoint::{Endpoint, Listener, Stream};
use handshake::{Refused, shake_hands};

/// Peers at one endpoint; further ones wait to be accepted.
const MOST_PEERS: usize = 500;
/// Between two tries to reach a peer.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When the system gives no connection, such as when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Between two lines about peers that were refused: anyone may knock at a port.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Receives from ZeroMQ peers.
#[derive(Debug)]
pub(super) struct ZmqHarvester {
    peers: Arc<Peers>,
}

/// What all connections share.
#[derive(Debug)]
struct Peers {
    feed: Feed,
    config: ZmqConfig,
    reader: Arc<LineReader>,
    format: LineFormat,
    longest: usize,
    refusals: Seldom,
}

impl ZmqHarvester {
    pub(super) fn new(
        config: &ZmqConfig,
        line: &LineConfig,
        reader: Arc<LineReader>,
        feed: Feed,
    ) -> Self {
        let peers = Peers {
            feed,
            config: config.clone(),
            reader,
            format: line.format.clone(),
            longest: usize::try_from(line.max_line_size.0).unwrap_or(usize::MAX),
            refusals: Seldom::new(TELL_EVERY),
        };
        Self { peers: peers.into() }
    }

    async fn receive(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let (outlet, hauls) = outlet();
        let mut endpoints = JoinSet::new();
        for text in &self.peers.config.endpoints {
            let endpoint = Endpoint::parse(text).map_err(Failure::Hopeless)?;
            let (peers, outlet) = (Arc::clone(&self.peers), outlet.another());
            if self.peers.config.bind {
                let listener = endpoint.bind().await.map_err(|error| {
                    Failure::Passing(format!("{endpoint} can't be bound: {error}"))
                })?;
                endpoints.spawn(peers.accept(listener, outlet, stopping.clone()));
            } else {
                endpoints.spawn(peers.connect(endpoint, outlet, stopping.clone()));
            }
        }
        self.peers.feed.mark_ready();
        drop(outlet);
        // The endpoints' tasks end with the last outlets, or with this set.
        Ok(hauls.store_all(&self.peers.feed).await?)
    }
}

impl Harvester for ZmqHarvester {
    fn name(&self) -> &str {
        self.peers.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        async move {
            let outcome = self.receive(stopping).await;
            self.peers.feed.mark_ready();
            outcome
        }
        .boxed()
    }
}

impl Peers {
    /// Takes peers that come to this endpoint.
    async fn accept(self: Arc<Self>, listener: Listener, outlet: Outlet, stop: CancellationToken) {
        if let Some(endpoint) = listener.endpoint() {
            info!(harvester = %self.feed.source(), %endpoint, "bound");
        }
        let mut connections = JoinSet::new();
        while !stop.is_cancelled() {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < MOST_PEERS => match accepted {
                    Ok(stream) => {
                        let serving = Arc::clone(&self).serve(stream, outlet.another(), stop.clone());
                        connections.spawn(serving);
                    }
                    Err(error) => {
                        warn!(harvester = %self.feed.source(), %error, "a peer can't be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = stop.cancelled() => {}
            }
        }
        // Peers must not come again while what they have sent is received.
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    /// Receives from a peer that has come.
    async fn serve(
        self: Arc<Self>,
        mut stream: Box<dyn Stream>,
        outlet: Outlet,
        stop: CancellationToken,
    ) {
        let ended = tokio::select! {
            shaken = self.shake_hands(&mut stream) => match shaken {
                Ok(()) => connection::receive(stream, &self, outlet, &stop).await.map_err(Into::into),
                Err(refused) => Err(refused),
            },
            () = stop.cancelled() => return,
        };
        let Err(error) = ended else { return };
        if let Some(count) = self.refusals.add(1) {
            warn!(harvester = %self.feed.source(), %error, count, "connections were closed; this is why the last one was");
        }
    }

    /// Keeps connected to this endpoint.
    async fn connect(self: Arc<Self>, endpoint: Endpoint, outlet: Outlet, stop: CancellationToken) {
        let harvester = self.feed.source();
        let (mut pause, mut is_told) = (FIRST_PAUSE, false);
        while !stop.is_cancelled() {
            let reached = tokio::select! {
                reached = self.reach(&endpoint) => reached,
                () = stop.cancelled() => break,
            };
            match reached {
                Ok(stream) => {
                    (pause, is_told) = (FIRST_PAUSE, false);
                    info!(%harvester, %endpoint, "connected");
                    let ended = connection::receive(stream, &self, outlet.another(), &stop).await;
                    let error = ended.err().map(tracing::field::display);
                    info!(%harvester, %endpoint, error, "disconnected");
                }
                Err(error) if !is_told => {
                    warn!(%harvester, %endpoint, %error, "no peer there; it is tried again until one is");
                    is_told = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => {}
            }
        }
    }

    async fn reach(&self, endpoint: &Endpoint) -> Result<Box<dyn Stream>, Refused> {
        let mut stream = endpoint.connect().await?;
        self.shake_hands(&mut stream).await?;
        Ok(stream)
    }

    async fn shake_hands(&self, stream: &mut Box<dyn Stream>) -> Result<(), Refused> {
        shake_hands(stream, self.config.socket_type, &self.config.topics).await
    }

    /// Counts a connection for as long as the value lives.
    fn open(&self) -> Open<'_> {
        self.feed.metrics().inputs.inc();
        Open(self)
    }
}

struct Open<'a>(&'a Peers);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.feed.metrics().inputs.dec();
    }
}
