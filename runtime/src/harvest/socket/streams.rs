//! A socket that peers connect to: TCP, TLS or Unix.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::buffers::Buffers;
use super::connection::{Connection, Shared};
use super::held::Held;
use super::listener::Listener;
use super::peer::{Peer, Stream};
use super::tls;
use crate::config::{LineConfig, SocketConfig};
use crate::harvest::seldom::Seldom;
use crate::harvest::{Failure, Feed, Harvester, LineReader, Stopped};
use crate::metrics::HarvesterMetrics;

/// Bytes of entries of all connections that are not stored yet, at most. With what these become on their way, they bound
/// the memory while the storage is slower than the peers.
const MOST_BYTES: usize = 8 << 20;
/// The pause after a failed accept (no file handles left, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long peers are accepted that had connected when the service was asked to stop.
const LAST_ACCEPTS: Duration = Duration::from_secs(1);
/// When none comes for so long, none is waiting.
const QUIET: Duration = Duration::from_millis(20);
/// How long a peer may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Listens, and harvests each connection.
#[derive(Debug)]
pub(in crate::harvest) struct StreamHarvester {
    config: SocketConfig,
    line: LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
}

/// A run under way.
struct Run {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    connections: JoinSet<Result<(), Stopped>>,
    failed_accepts: Seldom,
    failed_handshakes: Arc<Seldom>,
}

/// Counts a connection as open.
struct Counted(HarvesterMetrics);

impl StreamHarvester {
    /// One that does as configured.
    pub(in crate::harvest) fn new(
        config: &SocketConfig,
        line: &LineConfig,
        reader: Arc<LineReader>,
        feed: Feed,
    ) -> Self {
        Self { config: config.clone(), line: line.clone(), reader, feed }
    }

    async fn harvest(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let tls = match &self.config.tls {
            Some(config) => Some(tls::acceptor(config).await?),
            None => None,
        };
        let listener = Listener::bind(&self.config.listen).await?;
        info!(harvester = self.name(), address = listener.address(), "listening");
        self.feed.mark_ready();
        let mut run = self.prepare_run(tls, stopping.clone());
        stopping.run_until_cancelled(run.accept_all(&listener)).await;
        run.accept_rest(&listener).await;
        drop(listener);
        run.finish().await
    }

    fn prepare_run(&self, tls: Option<TlsAcceptor>, stopping: CancellationToken) -> Run {
        let shared = Shared {
            feed: self.feed.clone(),
            reader: Arc::clone(&self.reader),
            line: self.line.clone(),
            framing: self.config.framing,
            idle_timeout: self.config.idle_timeout,
            room: Arc::new(Semaphore::new(MOST_BYTES)),
            held: Held::new(self.feed.metrics().clone()),
            buffers: Buffers::default(),
            stopping,
        };
        Run {
            shared: Arc::new(shared),
            slots: Arc::new(Semaphore::new(self.config.max_connections)),
            tls,
            connections: JoinSet::new(),
            failed_accepts: Seldom::each_minute(),
            failed_handshakes: Arc::new(Seldom::each_minute()),
        }
    }
}

impl Harvester for StreamHarvester {
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

impl Run {
    /// Past the limit, peers wait in the system's backlog.
    async fn accept_all(&mut self, listener: &Listener) {
        loop {
            let slots = Arc::clone(&self.slots);
            let accept = async {
                let slot = slots.acquire_owned().await.expect("nobody closes the semaphore");
                (slot, listener.accept().await)
            };
            tokio::select! {
                Some(ended) = self.connections.join_next() => self.note(ended),
                (slot, accepted) = accept => match accepted {
                    Ok((stream, origin)) => self.begin(stream, origin, Some(slot)),
                    Err(error) => self.pause(&error).await,
                }
            }
        }
    }

    /// Peers whose connecting has succeeded may have sent all and left.
    async fn accept_rest(&mut self, listener: &Listener) {
        let until = Instant::now() + LAST_ACCEPTS;
        while Instant::now() < until
            && let Ok(Ok((stream, origin))) = timeout(QUIET, listener.accept()).await
        {
            self.begin(stream, origin, None);
        }
    }

    async fn finish(mut self) -> Result<(), Failure> {
        let mut outcome = Ok(());
        while let Some(ended) = self.connections.join_next().await {
            if let Ok(Err(stopped)) = &ended {
                outcome = Err(Failure::from(*stopped));
            }
            self.note(ended);
        }
        outcome
    }

    fn begin(&mut self, stream: Stream, origin: String, slot: Option<OwnedSemaphorePermit>) {
        let counted = Counted::new(self.shared.feed.metrics());
        let (shared, tls) = (Arc::clone(&self.shared), self.tls.clone());
        let failures = Arc::clone(&self.failed_handshakes);
        self.connections.spawn(async move {
            let _held = (slot, counted);
            let stream = match (stream, tls) {
                (Stream::Tcp(stream), Some(tls)) => {
                    match agree(&tls, stream, &shared.stopping).await {
                        Ok(stream) => stream,
                        Err(reason) => {
                            tell(&shared, &failures, &origin, &reason);
                            return Ok(());
                        }
                    }
                }
                (stream, _) => stream,
            };
            Connection::new(Peer::new(stream), origin, shared).run().await
        });
    }

    async fn pause(&self, error: &io::Error) {
        if let Some(times) = self.failed_accepts.add(1) {
            let harvester = self.shared.feed.source();
            warn!(%harvester, %error, times, "peers can't be accepted and wait");
        }
        sleep(ACCEPT_PAUSE).await;
    }

    fn note(&self, ended: Result<Result<(), Stopped>, JoinError>) {
        let harvester = self.shared.feed.source();
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(stopped)) => debug!(%harvester, error = %stopped, "a connection was reset"),
            Err(panic) => {
                error!(%harvester, error = %panic, "a connection was reset, by a fault of loglite");
            }
        }
    }
}

impl Counted {
    fn new(metrics: &HarvesterMetrics) -> Self {
        metrics.inputs.inc();
        Self(metrics.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.inputs.dec();
    }
}

/// The handshake; one that is under way when the service stops is given up.
async fn agree(
    tls: &TlsAcceptor,
    stream: TcpStream,
    stopping: &CancellationToken,
) -> Result<Stream, String> {
    let handshake = stopping.run_until_cancelled(timeout(HANDSHAKE, tls.accept(stream))).await;
    match handshake {
        Some(Ok(Ok(stream))) => Ok(Stream::Tls(Box::new(stream))),
        Some(Ok(Err(error))) => Err(error.to_string()),
        Some(Err(_)) => Err(format!("it took longer than {} s", HANDSHAKE.as_secs())),
        None => Err("the service stops".into()),
    }
}

fn tell(shared: &Shared, failures: &Seldom, peer: &str, reason: &str) {
    let harvester = shared.feed.source();
    debug!(%harvester, peer, reason, "no TLS");
    if let Some(times) = failures.add(1) {
        warn!(%harvester, peer, reason, times, "TLS could not be agreed on");
    }
}
