//! The accept loop: connections with timeouts, a limit, and an orderly end.
//!
//! `axum::serve` installs no timer, so header timeouts would never fire; hence hyper's connection is driven here.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::patient_writes::{Blocked, PatientWrites};
use super::raw_target::Lenient;
use super::request_id::{self, X_REQUEST_ID};
use super::{Api, Routers};
use crate::metrics::Metrics;

/// The pause after a failed accept (no file handles left, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often a stopping connection is asked whether a request is still in flight.
const IDLE_CHECK: Duration = Duration::from_millis(100);
/// How long a client may read nothing of an answer that waits for it, before its place is given to another.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A listener that does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// The running interface.
#[derive(Debug)]
pub struct Server {
    connections: TaskTracker,
    abort: CancellationToken,
    accepting: tokio::task::JoinHandle<()>,
}

impl Bound {
    /// Binds the port.
    ///
    /// # Errors
    /// What the system says; the caller names the address.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((host, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is the real one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until [`Api::stopping`] is cancelled.
    #[must_use]
    pub fn serve(self, api: Arc<Api>) -> Server {
        let (connections, abort) = (TaskTracker::new(), CancellationToken::new());
        let acceptor = Acceptor {
            routers: Routers::new(Arc::clone(&api)),
            free: Arc::new(Semaphore::new(api.config.max_connections)),
            connections: connections.clone(),
            abort: abort.clone(),
            api,
        };
        connections.spawn(keep_a_timer_armed(
            acceptor.api.config.header_timeout,
            acceptor.api.stopping.clone(),
        ));
        let accepting = tokio::spawn(acceptor.run(self.listener));
        Server { connections, abort, accepting }
    }
}

impl Server {
    /// Waits for the requests in flight, for `grace` at most. Returns how many connections were cut off.
    /// [`Api::stopping`] must be cancelled before.
    pub async fn finish(self, grace: Duration) -> usize {
        if let Err(panic) = self.accepting.await {
            warn!(%panic, "the accept loop ended early");
        }
        self.connections.close();
        if tokio::time::timeout(grace, self.connections.wait()).await.is_ok() {
            return 0;
        }
        let cut_off = self.connections.len();
        self.abort.cancel();
        self.connections.wait().await;
        cut_off
    }
}

/// With no timer armed, tokio wakes its own driver by a system call each time one is set, which under load is once per
/// request: each waits for its headers under one. A timer that is always armed, and due before those, avoids that.
async fn keep_a_timer_armed(header_timeout: Duration, stopping: CancellationToken) {
    let mut due = tokio::time::interval(header_timeout / 4);
    stopping
        .run_until_cancelled(async {
            loop {
                due.tick().await;
            }
        })
        .await;
}

struct Acceptor {
    routers: Routers,
    free: Arc<Semaphore>,
    connections: TaskTracker,
    abort: CancellationToken,
    api: Arc<Api>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let stopping = self.api.stopping.clone();
        stopping.run_until_cancelled(self.accept_all(&listener)).await;
    }

    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            // Past the limit, clients wait in the system's backlog.
            let permit = Arc::clone(&self.free).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let connection = self.connection(stream);
                    self.connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn connection(&self, stream: TcpStream) -> impl Future<Output = ()> + use<> {
        let (routers, api) = (self.routers.clone(), Arc::clone(&self.api));
        let abort = self.abort.clone();
        async move {
            let _counted = Counted::new(api.metrics.clone());
            if abort.run_until_cancelled(serve_connection(stream, routers, &api)).await.is_none() {
                debug!("connection cut off");
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, routers: Routers, api: &Arc<Api>) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY");
    }
    let in_flight = Arc::new(AtomicUsize::new(0));
    let service = service_fn(|request: Request<Incoming>| {
        answer(&routers, request, api, InFlight::new(Arc::clone(&in_flight)))
    });
    let blocked = Blocked::default();
    let stream = PatientWrites::new(stream, WRITE_TIMEOUT, blocked.clone());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Answers are small: one copy costs less than a vectored write.
        .writev(false)
        .header_read_timeout(api.config.header_timeout)
        .serve_connection(TokioIo::new(Lenient::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        outcome = connection.as_mut() => return log_end(outcome),
        () = api.stopping.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // A connection without a request may be waiting for the rest of one that never comes.
    loop {
        match tokio::time::timeout(IDLE_CHECK, connection.as_mut()).await {
            Ok(outcome) => return log_end(outcome),
            Err(_) if in_flight.load(Ordering::Relaxed) == 0 && !blocked.is_blocked() => return,
            Err(_) => {}
        }
    }
}

fn log_end(outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        debug!(%error, "connection ended");
    }
}

/// A connection in the metrics.
struct Counted(Metrics);

impl Counted {
    fn new(metrics: Metrics) -> Self {
        metrics.connections.inc();
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Counted from the request's arrival until all of its response's body is on its way.
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(
    routers: &Routers,
    request: Request<Incoming>,
    api: &Api,
    in_flight: InFlight,
) -> Result<Response, Infallible> {
    let begun = Instant::now();
    let id = request_id::of(&request);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let mut response = routers.answer(request).await?;
    let status = response.status();
    api.metrics.request_answered(status.as_u16());
    let (milliseconds, request) = (begun.elapsed().as_millis(), &id);
    // Of 503 and 507 the writer tells once, not per request.
    let is_defect =
        matches!(status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::GATEWAY_TIMEOUT);
    if is_defect {
        warn!(?request, %method, path = uri.path(), status = status.as_u16(), milliseconds, "request failed");
    } else {
        debug!(?request, %method, path = uri.path(), status = status.as_u16(), milliseconds, "request");
    }
    response.headers_mut().insert(X_REQUEST_ID, id);
    Ok(response.map(|body| Body::new(GuardedBody { body, _in_flight: in_flight })))
}

/// A response's body that keeps its request counted as in flight.
struct GuardedBody {
    body: Body,
    _in_flight: InFlight,
}

impl hyper::body::Body for GuardedBody {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
