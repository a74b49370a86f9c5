//! Requests and responses.

use std::fmt;

use serde_json::Value;

/// A request to send.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A whole response.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body. The path goes on the wire as it is: percent-encode it where that matters.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: None }
    }

    /// `GET path`
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `GET path?…` with these parameters, percent-encoded.
    #[must_use]
    pub fn query(path: &str, parameters: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> = parameters
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
            .collect();
        Self::get(&format!("{path}?{}", pairs.join("&")))
    }

    /// `POST path`, with no body yet.
    #[must_use]
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Whether the response has no body whatever its headers say.
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The request as bytes on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { method, path, headers, body } = self;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: loglite\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = body {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend(body.iter().flatten());
        bytes
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

impl Response {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// A value in the JSON body by its path, such as `/result/total`; null when there is none.
    ///
    /// # Panics
    /// When the body is no JSON.
    #[must_use]
    pub fn at(&self, path: &str) -> Value {
        self.json().pointer(path).cloned().unwrap_or_default()
    }

    /// One column of the rows that `GET /logs` answered with.
    ///
    /// # Panics
    /// When the answer holds no rows, or a row lacks the column.
    #[must_use]
    pub fn column(&self, name: &str) -> Vec<Value> {
        let rows = self.at("/result/results");
        let rows = rows.as_array().unwrap_or_else(|| panic!("no rows in {self:?}"));
        let cell = |row: &Value| row.get(name).cloned();
        rows.iter().map(|row| cell(row).unwrap_or_else(|| panic!("no {name} in {row}"))).collect()
    }

    /// The message of an error answer.
    ///
    /// # Panics
    /// When the answer is no error in the envelope `{"status":"error","error":"…"}`.
    #[must_use]
    pub fn error(&self) -> String {
        assert_eq!(self.at("/status"), "error", "{self:?}");
        self.at("/error").as_str().expect("an error is a text").to_owned()
    }
}

impl fmt::Debug for Response {
    /// A long body is cut, so that a failed assertion stays readable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        let start: String = text.chars().take(2000).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("body", &start)
            .finish()
    }
}
