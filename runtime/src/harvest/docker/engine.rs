//! The container engine behind its Unix socket: the few requests of its HTTP interface that logs need.
//!
//! Each request has a connection of its own: answers that go on for ever would hold up others.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::api::{Inspected, Listed, Version};

/// How long an answer that is whole at once may take.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// The longest such answer.
const LONGEST_ANSWER: usize = 64 << 20;
/// The longest text of an error that is passed on.
const LONGEST_MESSAGE: usize = 64 << 10;
/// What is read ahead of a stream: its reader pushes back by not reading.
const READ_AHEAD: usize = 64 << 10;

/// An engine whose version is known. Clones ask the same one.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    socket: Arc<Path>,
    /// What stands before each path, such as `/v1.41`.
    prefix: Arc<str>,
}

/// An answer that comes bit by bit.
#[derive(Debug)]
pub(super) struct Chunks {
    body: Incoming,
    /// Moves bytes between socket and body; ends with it.
    _driver: AbortOnDropHandle<()>,
}

/// Why the engine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    /// There is no connection.
    #[error(
        "cannot reach the container engine at {socket}: {source}; start it, name its socket with `socket`, or let \
         loglite's user use it (for Docker by the group `docker`)"
    )]
    Unreachable {
        socket: String,
        #[source]
        source: io::Error,
    },
    /// The exchange broke off, or is not understood.
    #[error("the container engine did not answer {path}: {reason}")]
    Broken { path: String, reason: String },
    /// It answered with an error.
    #[error("the container engine answered {status} to {path}: {message}")]
    Refused { path: String, status: StatusCode, message: String },
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl Engine {
    /// Finds out which version of the interface both sides speak.
    pub(super) async fn reach(socket: &Path) -> Result<Self, EngineError> {
        let unversioned = Self { socket: socket.into(), prefix: "".into() };
        let version: Version = unversioned.get("/version").await?;
        let prefix = format!("/v{}", version.spoken()).into();
        Ok(Self { prefix, ..unversioned })
    }

    /// All containers, also those that have ended.
    pub(super) async fn containers(&self) -> Result<Vec<Listed>, EngineError> {
        self.get("/containers/json?all=1").await
    }

    /// What a container is; none when it is not there.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>, EngineError> {
        match self.get(&format!("/containers/{id}/json")).await {
            Ok(inspected) => Ok(Some(inspected)),
            Err(EngineError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The output of a container from this time (nanoseconds since 1970) on, until it ends.
    pub(super) async fn logs(&self, id: &str, since_nanos: i64) -> Result<Chunks, EngineError> {
        let (seconds, nanos) =
            (since_nanos.div_euclid(1_000_000_000), since_nanos.rem_euclid(1_000_000_000));
        let path = format!(
            "/containers/{id}/logs?follow=1&stdout=1&stderr=1&timestamps=1&since={seconds}.{nanos:09}"
        );
        // A container that is silent may keep its answer waiting.
        self.open(&path).await
    }

    /// Tells when containers start, from this time (seconds since 1970) on.
    pub(super) async fn starts(&self, since_seconds: i64) -> Result<Chunks, EngineError> {
        // {"type":["container"],"event":["start"]}
        let filters = "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%5D%7D";
        self.open(&format!("/events?since={since_seconds}&filters={filters}")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
        let broken = |reason| EngineError::Broken { path: path.to_owned(), reason };
        let whole = async {
            let chunks = self.open(path).await?;
            let body = Limited::new(chunks.body, LONGEST_ANSWER).collect().await;
            Ok(body.map_err(|error| broken(error.to_string()))?.to_bytes())
        };
        let bytes = timeout(ANSWER_TIME, whole)
            .await
            .map_err(|_| broken(format!("nothing came within {} s", ANSWER_TIME.as_secs())))??;
        serde_json::from_slice(&bytes)
            .map_err(|error| broken(format!("its answer is not understood: {error}")))
    }

    /// Asks, and returns once the answer has begun.
    async fn open(&self, path: &str) -> Result<Chunks, EngineError> {
        let stream = UnixStream::connect(&*self.socket).await.map_err(|source| {
            EngineError::Unreachable { socket: self.socket.display().to_string(), source }
        })?;
        let broken = |reason: String| EngineError::Broken { path: path.to_owned(), reason };
        let request = Request::get(format!("{}{path}", self.prefix))
            .header(HOST, "localhost")
            .body(Empty::<Bytes>::new())
            .map_err(|error| broken(error.to_string()))?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(READ_AHEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(error.to_string()))?;
        // What goes wrong with the connection is told by the answer.
        let driver =
            AbortOnDropHandle::new(tokio::spawn(async { if connection.await.is_err() {} }));
        let response =
            sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let (head, body) = response.into_parts();
        let chunks = Chunks { body, _driver: driver };
        if head.status.is_success() {
            return Ok(chunks);
        }
        let message = chunks.message().await;
        Err(EngineError::Refused { path: path.to_owned(), status: head.status, message })
    }
}

impl Chunks {
    /// The next bytes; none at the end. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, EngineError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| EngineError::Broken {
                path: "in the midst of an answer".into(),
                reason: error.to_string(),
            })?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// What an answer says that is an error.
    async fn message(self) -> String {
        let body = timeout(ANSWER_TIME, Limited::new(self.body, LONGEST_MESSAGE).collect()).await;
        let bytes = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        let message = serde_json::from_slice(&bytes).map(|Message { message }| message);
        message.unwrap_or_else(|_| "it does not say why".into())
    }
}
