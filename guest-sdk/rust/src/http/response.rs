//! What a server answers.

use std::str;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;

/// How much of a body an error quotes.
const EXCERPT_CHARS: usize = 200;

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// A response with these headers, whose names are in lower case, and this body.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// A response with this as JSON; for tests. A value that serde can't write leaves the body empty.
    ///
    /// ```
    /// # use loglite_guest::http::Response;
    /// assert_eq!(Response::json(200, &[1, 2]).text()?, "[1,2]");
    /// # Ok::<(), loglite_guest::http::Error>(())
    /// ```
    #[must_use]
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::new(status, headers, serde_json::to_vec(body).unwrap_or_default())
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, in any case.
    ///
    /// ```
    /// # use loglite_guest::http::Response;
    /// let response = Response::json(200, &());
    /// assert_eq!(response.header("Content-Type"), Some("application/json"));
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The response itself if its status means success.
    ///
    /// # Errors
    /// [`Error::Status`] with the beginning of the body.
    ///
    /// ```
    /// # use loglite_guest::http::Response;
    /// let err = Response::new(503, vec![], "busy").ok().unwrap_err();
    /// assert_eq!(err.to_string(), "the server answered 503: busy");
    /// ```
    pub fn ok(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let text = String::from_utf8_lossy(&self.body);
        Err(Error::Status {
            status: self.status,
            excerpt: text.trim().chars().take(EXCERPT_CHARS).collect(),
        })
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`Error::Body`] when it is no UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.body).map_err(|err| Error::Body(err.to_string()))
    }

    /// The body, read as JSON into a type.
    ///
    /// # Errors
    /// [`Error::Body`] when it does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|err| Error::Body(err.to_string()))
    }
}
