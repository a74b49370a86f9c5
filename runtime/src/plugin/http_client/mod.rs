//! The one HTTP client of plugins: `wasi:http` and `loglite:plugin/http` both come through here.
//!
//! It connects to addresses that were checked, follows no redirects, knows no proxies, and keeps no connections.

mod body;
mod connect;
mod exchange;
mod hooks;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use tokio::time::timeout;
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

pub(super) use exchange::exchange;
pub(super) use hooks::Hooks;

use super::grants::{HttpGate, HttpRefusal, Target};
use body::BoundedBody;

/// The most that the headers of a response, and each read of its body, may take.
const MAX_BUFFER: usize = 64 << 10;

/// How long the parts of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Name, connection, TLS.
    pub(super) connect: Duration,
    /// From the request to the response's headers.
    pub(super) headers: Duration,
    /// Between two pieces of the response's body.
    pub(super) pause: Duration,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpFailure {
    /// It was not sent.
    #[error(transparent)]
    Refused(#[from] HttpRefusal),
    /// No connection in time.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// No response in time.
    #[error("no response within {0:?}")]
    ResponseTimeout(Duration),
    /// As many requests of this plugin are under way as may be.
    #[error("too many requests of this plugin are under way")]
    TooManyAtOnce,
    /// Nobody there, or no common language.
    #[error("can't connect: {0}")]
    Connect(std::io::Error),
    /// The server can't prove who it is.
    #[error("no secure connection: {0}")]
    Tls(std::io::Error),
    /// The connection broke, or what came is no HTTP.
    #[error("the exchange failed: {0}")]
    Http(#[from] hyper::Error),
}

/// Sends a request that the gate lets through. The response's body is bounded in size and pauses, and holds the
/// connection: dropping it ends the exchange.
pub(super) async fn send(
    gate: &HttpGate,
    request: Request<WasiBody>,
    times: Times,
) -> Result<Response<WasiBody>, HttpFailure> {
    let target = gate.check(request.uri())?;
    let request = for_the_wire(request, &target)?;
    let slot = gate.slots.clone().try_acquire_owned().map_err(|_| HttpFailure::TooManyAtOnce)?;
    let connecting = timeout(times.connect, connect::connect(gate, &target)).await;
    let stream = connecting.map_err(|_| HttpFailure::ConnectTimeout(times.connect))??;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_BUFFER);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let driver = spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a plugin's connection broke");
        }
    });
    let response = timeout(times.headers, sender.send_request(request)).await;
    let response = response.map_err(|_| HttpFailure::ResponseTimeout(times.headers))??;
    let bounds = body::Bounds { bytes: gate.max_bytes, pause: times.pause };
    Ok(response.map(|body| BoundedBody::new(body, bounds, driver, slot).boxed_unsync()))
}

/// The request as the server gets it: only path and query, and a `Host` that is the authority which was checked.
fn for_the_wire(
    request: Request<WasiBody>,
    target: &Target,
) -> Result<Request<WasiBody>, HttpRefusal> {
    if request.method() == Method::CONNECT {
        return Err(HttpRefusal::Invalid("the method CONNECT is for proxies".into()));
    }
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    let host = HeaderValue::try_from(target.authority())
        .map_err(|error| HttpRefusal::Invalid(format!("the URL's host is no header: {error}")))?;
    parts.headers.insert(HOST, host);
    Ok(Request::from_parts(parts, body))
}

/// As `wasi:http` tells it to the guest.
impl From<HttpFailure> for WasiError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Refused(HttpRefusal::Denied(_)) => Self::HttpRequestDenied,
            HttpFailure::Refused(HttpRefusal::Invalid(_)) => Self::HttpRequestUriInvalid,
            HttpFailure::Refused(HttpRefusal::Unresolved { reason, .. }) => {
                Self::DnsError { rcode: Some(reason), info_code: None }
            }
            HttpFailure::ConnectTimeout(_) => Self::ConnectionTimeout,
            HttpFailure::ResponseTimeout(_) => Self::HttpResponseTimeout,
            HttpFailure::TooManyAtOnce => Self::ConnectionLimitReached,
            HttpFailure::Connect(_) => Self::ConnectionRefused,
            HttpFailure::Tls(_) => Self::TlsProtocolError,
            HttpFailure::Http(error) => Self::Hyper(error),
        }
    }
}
