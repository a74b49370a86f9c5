//! One request to a running loglite, for commands that ask it to do something.

use std::io;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{Method, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::config::HttpConfig;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A replay of a page waits for its commits, and while the disk is full.
const ANSWER_TIME: Duration = Duration::from_secs(120);
/// The longest answer that is read.
const LONGEST_ANSWER: usize = 64 << 20;

/// Where a loglite answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUrl {
    host: String,
    port: u16,
    /// What stands before each path, without the slash at its end.
    prefix: String,
}

/// Why a service did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The text is no address of a loglite.
    #[error("`{0}` is no address of a loglite; expected such as http://127.0.0.1:7788")]
    Url(String),
    /// The configuration does not say where it answers.
    #[error(
        "the configuration has `port: 0`, so where the service listens is in its log; name it with `--url`"
    )]
    AnyPort,
    /// There is no connection.
    #[error("cannot reach the loglite at {url}; name another address with `--url`")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// What the system says.
        source: io::Error,
    },
    /// The exchange broke off.
    #[error("the loglite at {url} did not answer: {reason}")]
    Broken {
        /// Where it is.
        url: String,
        /// What happened.
        reason: String,
    },
    /// It answered with an error.
    #[error("the loglite at {url} answered {status}: {error}")]
    Refused {
        /// Where it is.
        url: String,
        /// The status.
        status: u16,
        /// What it says.
        error: String,
    },
}

/// What a service has answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// When it wants to be asked again.
    pub retry_after: Option<Duration>,
    /// Its text.
    pub body: Bytes,
}

#[derive(Deserialize)]
struct Success<T> {
    result: T,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

impl ServiceUrl {
    /// Where a service with this configuration answers on this machine.
    ///
    /// # Errors
    /// [`ClientError::AnyPort`]
    pub fn of(config: &HttpConfig) -> Result<Self, ClientError> {
        if config.port == 0 {
            return Err(ClientError::AnyPort);
        }
        // A service that listens on all addresses is reached at this machine's own.
        let host = match config.host.trim_matches(['[', ']']) {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        Ok(Self { host: host.to_owned(), port: config.port, prefix: String::new() })
    }

    /// An address as a user writes it: `http://host:port`, with a path behind it if a proxy adds one.
    ///
    /// # Errors
    /// [`ClientError::Url`]
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::Url(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let host = uri.host().map(|host| host.trim_matches(['[', ']'])).ok_or_else(wrong)?;
        if uri.scheme_str() != Some("http") || host.is_empty() || uri.query().is_some() {
            return Err(wrong());
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(80), prefix })
    }

    fn url(&self) -> String {
        format!("http://{}{}", self.authority(), self.prefix)
    }

    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// Posts JSON and returns the `result` of the answer.
///
/// # Errors
/// [`ClientError`]
pub async fn post<T: DeserializeOwned>(
    service: &ServiceUrl,
    path: &str,
    body: &impl Serialize,
) -> Result<T, ClientError> {
    let url = service.url();
    let broken = |reason: String| ClientError::Broken { url: url.clone(), reason };
    let body = serde_json::to_vec(body).map_err(|error| broken(error.to_string()))?;
    let answer = send(service, path, ("application/json", body.into())).await?;
    if answer.status != StatusCode::OK {
        return Err(answer.refusal(service));
    }
    let answer: Success<T> = serde_json::from_slice(&answer.body).map_err(|error| {
        ClientError::Broken { url, reason: format!("its answer is not understood: {error}") }
    })?;
    Ok(answer.result)
}

/// Posts a body of this content type and returns the answer, whatever its status.
///
/// # Errors
/// [`ClientError::Unreachable`] when nothing was sent, [`ClientError::Broken`] when it is not known what became of it.
pub async fn send(
    service: &ServiceUrl,
    path: &str,
    (content_type, body): (&'static str, Bytes),
) -> Result<Answer, ClientError> {
    let url = service.url();
    let broken = |reason: String| ClientError::Broken { url: url.clone(), reason };
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", service.prefix))
        .header(HOST, service.authority())
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(body))
        .map_err(|error| broken(error.to_string()))?;
    let stream = connect(service)
        .await
        .map_err(|source| ClientError::Unreachable { url: url.clone(), source })?;
    tokio::time::timeout(ANSWER_TIME, exchange(stream, request))
        .await
        .map_err(|_| broken(format!("nothing came within {} s", ANSWER_TIME.as_secs())))?
        .map_err(broken)
}

impl Answer {
    /// The answer as an error.
    #[must_use]
    pub fn refusal(&self, service: &ServiceUrl) -> ClientError {
        let error = serde_json::from_slice(&self.body).map(|failure: Failure| failure.error);
        let error = error.unwrap_or_else(|_| "it may be no loglite of this version".into());
        ClientError::Refused { url: service.url(), status: self.status.as_u16(), error }
    }
}

async fn connect(service: &ServiceUrl) -> io::Result<TcpStream> {
    let address = (service.host.as_str(), service.port);
    tokio::time::timeout(CONNECT_TIME, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let bytes = body.map_err(|error| error.to_string())?.to_bytes();
        let seconds =
            head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        Ok(Answer { status: head.status, retry_after, body: bytes })
    };
    tokio::pin!(connection, answer);
    // The connection moves the bytes; it may end just before the answer is put together.
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let url = |host: &str, port, prefix: &str| ServiceUrl {
            host: host.into(),
            port,
            prefix: prefix.into(),
        };
        for (text, expected) in [
            ("http://127.0.0.1:7788", url("127.0.0.1", 7788, "")),
            ("http://logs/", url("logs", 80, "")),
            ("http://[::1]:1/app/", url("::1", 1, "/app")),
        ] {
            assert_eq!(ServiceUrl::parse(text).expect(text), expected);
        }
        for text in ["", "localhost:7788", "https://logs", "http://", "http://a/?b"] {
            assert!(ServiceUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_service_on_all_addresses_is_reached_at_its_own() {
        let config =
            |host: &str, port| HttpConfig { host: host.into(), port, ..HttpConfig::default() };
        let authority = |host, port| ServiceUrl::of(&config(host, port)).map(|url| url.authority());
        assert_eq!(authority("0.0.0.0", 1).expect("a port"), "127.0.0.1:1");
        assert_eq!(authority("::", 1).expect("a port"), "[::1]:1");
        assert_eq!(authority("logs.example", 1).expect("a port"), "logs.example:1");
        assert!(matches!(authority("::", 0), Err(ClientError::AnyPort)));
    }
}
