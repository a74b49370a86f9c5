//! Why there is no usable response.

use std::fmt;

/// Why there is no response, or none that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The authority of the URL is not granted. The text names it and the grant that is missing.
    Denied(String),
    /// The request is malformed. The text says where.
    InvalidRequest(String),
    /// There was no whole response in time.
    Timeout,
    /// The response is larger than this many bytes, which the plugin's limits allow.
    TooLarge(u64),
    /// The server could not be reached, or broke off. The text says why.
    Failed(String),
    /// The server answered with a status that means no success. See [`Response::ok`](super::Response::ok).
    Status {
        /// The status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
    /// The body is not what was expected of it.
    Body(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(reason) | Self::InvalidRequest(reason) | Self::Failed(reason) => {
                f.write_str(reason)
            }
            Self::Timeout => f.write_str("no response in time"),
            Self::TooLarge(most) => {
                write!(f, "the response is larger than {most} bytes (limits.bytes_per_call)")
            }
            Self::Status { status, excerpt } if excerpt.is_empty() => {
                write!(f, "the server answered {status}")
            }
            Self::Status { status, excerpt } => {
                write!(f, "the server answered {status}: {excerpt}")
            }
            Self::Body(reason) => write!(f, "the response's body is unusable: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
