//! The HTTP server's keys.

use std::time::Duration;

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};
use crate::domain::ByteSize;

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// The address or host name to listen on.
    pub host: String,
    /// The port to listen on; 0 picks a free one.
    pub port: u16,
    /// The origin that browsers may call from; `*` is any. Visible ASCII, so it fits a header.
    pub allow_origin: String,
    /// The largest request body, before and after decompression.
    pub max_body_size: ByteSize,
    /// Connections served at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long a client may take to send a request's headers, and how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 7788,
            allow_origin: "*".into(),
            max_body_size: ByteSize(16 << 20),
            max_connections: 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "host",
        expected: "an address or a host name",
        doc: "The address or host name to listen on. 127.0.0.1 is reachable from this machine only, \
              0.0.0.0 from every network it is in.",
        read: Reader::Scalar(|config, text| store(&mut config.http.host, value::visible(text))),
        show: |config| json!(config.http.host),
    },
    Key {
        name: "port",
        expected: "a port number from 0 to 65535",
        doc: "The port to listen on; 0 picks a free one, which the log names.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.port, value::whole(text, 0..=65535))
        }),
        show: |config| json!(config.http.port),
    },
    Key {
        name: "allow_origin",
        expected: "`*` or an origin such as https://example.org",
        doc: "The origin whose pages may call the service from a browser (CORS); `*` allows any.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.allow_origin, value::visible(text))
        }),
        show: |config| json!(config.http.allow_origin),
    },
    Key {
        name: "max_body_size",
        expected: "a size from 1KB to 1GB, such as 16MB",
        doc: "The largest body of a request, as sent and also after decompression. A larger one is \
              answered with 413.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.max_body_size, value::size(text, 1 << 10..=1 << 30))
        }),
        show: |config| json!(config.http.max_body_size.to_string()),
    },
    Key {
        name: "max_connections",
        expected: "a whole number from 1 to 1000000",
        doc: "Connections served at once. More wait until one closes.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.max_connections, value::whole(text, 1..=1_000_000))
        }),
        show: |config| json!(config.http.max_connections),
    },
    Key {
        name: "header_timeout_ms",
        expected: "a number of milliseconds from 1 to 86400000",
        doc: "How long a client may take to send the headers of a request, and how long an idle \
              connection is kept open, in milliseconds.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.header_timeout, value::millis(text, 1))
        }),
        show: |config| value::as_millis(config.http.header_timeout),
    },
    Key {
        name: "body_timeout_ms",
        expected: "a number of milliseconds from 1 to 86400000",
        doc: "How long a client may take to send the body of a request, in milliseconds.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.http.body_timeout, value::millis(text, 1))
        }),
        show: |config| value::as_millis(config.http.body_timeout),
    },
];
