//! Requests to web servers that the configuration grants: `grant: {http: ["api.example.com"]}`.
//!
//! ```
//! use loglite_guest::testing::Host;
//! use loglite_guest::http;
//!
//! let host = Host::new();
//! host.answer("https://api.example.com/v1/items", http::Response::json(200, &[1, 2, 3]));
//!
//! let items: Vec<u32> = http::get("https://api.example.com/v1/items")?.ok()?.parse()?;
//! assert_eq!(items, [1, 2, 3]);
//! # Ok::<(), http::Error>(())
//! ```

mod error;
mod response;

use std::time::Duration;

use serde::Serialize;

pub use self::error::Error;
pub use self::response::Response;
use crate::host;

/// Fetches a URL.
///
/// # Errors
/// As [`Request::send`].
pub fn get(url: impl Into<String>) -> Result<Response, Error> {
    Request::get(url).send()
}

/// A request, to be sent by [`Request::send`].
///
/// ```
/// # use loglite_guest::http::Request;
/// let request = Request::post("https://api.example.com/v1/search")
///     .header("authorization", "Bearer 123")
///     .json(&serde_json::json!({"q": "error"}))?;
/// # Ok::<(), loglite_guest::http::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Such as `GET` or `POST`.
    pub method: String,
    /// Absolute, with `http` or `https`.
    pub url: String,
    /// Names and values. `Host` and `Content-Length` are set by loglite.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// How long the whole exchange may take. At most, and by default, what the plugin's limits say.
    pub timeout: Option<Duration>,
}

impl Request {
    /// A request with this method.
    #[must_use]
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: None,
        }
    }

    /// A GET request.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends this as JSON.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] when serde can't write it.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Error> {
        let text = serde_json::to_vec(body)
            .map_err(|err| Error::InvalidRequest(format!("the body is no JSON: {err}")))?;
        Ok(self.header("content-type", "application/json").body(text))
    }

    /// Gives up after this long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and waits for the whole response. Any status is a response, also 404 and 500: see
    /// [`Response::ok`]. Redirects are not followed.
    ///
    /// # Errors
    /// When there is no response. [`Error::Denied`] names the grant that is missing.
    pub fn send(self) -> Result<Response, Error> {
        host::send(self)
    }
}
