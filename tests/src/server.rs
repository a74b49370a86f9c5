//! A running service and the requests that tests mostly send.

use std::net::SocketAddr;

use serde_json::Value;

use crate::connection::Connection;
use crate::home::Home;
use crate::message::{Request, Response};
use crate::process::{Exit, Process};
use crate::sse::Sse;

/// A running service. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Server {
    home: Home,
    process: Process,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn new(home: Home, process: Process, address: &str) -> Self {
        let address = address.parse();
        Self { home, process, address: address.expect("the log names the address it listens on") }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it lives; the home outlasts the server, for a restart.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The process, to signal it or read its log.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Stops it in order (SIGTERM) and waits for its end.
    #[must_use]
    pub fn stop(self) -> Exit {
        self.process.terminate();
        self.process.wait()
    }

    /// Kills it (SIGKILL).
    pub fn kill(self) {
        let exit = self.process.kill();
        assert_eq!(exit.code, None, "it ended by itself before: {exit:#?}");
    }

    /// Waits until it ends by itself.
    #[must_use]
    pub fn wait(self) -> Exit {
        self.process.wait()
    }

    /// Opens a connection.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("a running server takes connections")
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Errors
    /// When the connection breaks before the whole answer is there.
    pub fn try_send(&self, request: &Request) -> std::io::Result<Response> {
        Connection::open(self.address)?.send(request)
    }

    /// Sends one request on a connection of its own.
    ///
    /// # Panics
    /// When there is no whole answer.
    #[must_use]
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request).unwrap_or_else(|error| {
            panic!("no answer to {request}: {error}; the server's log:\n{}", self.process.stderr())
        })
    }

    /// `GET`s a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    /// `GET /logs` with these parameters, percent-encoded.
    #[must_use]
    pub fn query(&self, parameters: &[(&str, &str)]) -> Response {
        self.send(&Request::query("/logs", parameters))
    }

    /// Posts a body to `/logs` as JSON.
    #[must_use]
    pub fn post(&self, body: impl Into<Vec<u8>>) -> Response {
        self.send(&Request::post("/logs").header("Content-Type", "application/json").body(body))
    }

    /// Posts one entry or an array of them and checks that all are stored.
    ///
    /// # Panics
    /// When one is not.
    pub fn store(&self, entries: &Value) {
        let answer = self.post(entries.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        let count = entries.as_array().map_or(1, Vec::len);
        assert_eq!(answer.at("/result/stored"), count, "{answer:?}");
    }

    /// The rows that a `GET /logs…` answers with.
    ///
    /// # Panics
    /// When it answers with an error.
    #[must_use]
    pub fn rows(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.at("/result/results")
    }

    /// Subscribes to a `GET /logs/sse…` and returns once the server has taken the subscription.
    #[must_use]
    pub fn subscribe(&self, path: &str) -> Sse {
        self.subscribe_after(path, None)
    }

    /// Subscribes with a `Last-Event-ID`.
    ///
    /// # Panics
    /// When the subscription is refused.
    #[must_use]
    pub fn subscribe_after(&self, path: &str, last_event_id: Option<&str>) -> Sse {
        let mut request = Request::get(path);
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        Sse::open(self.connect(), &request).expect("a running server takes subscriptions")
    }
}
