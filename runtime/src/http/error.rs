//! Errors as responses: status and body together.

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::FilterError;
use crate::pipeline::BadBody;
use crate::store::{Fault, StoreError, WriteError};

/// Seconds after which a refused source may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An answer of the form `{"status":"error","error":"…"}`, with a `result` where part of the request was done.
#[derive(Debug)]
pub(super) struct ApiError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    message: String,
    header: Option<(axum::http::HeaderName, HeaderValue)>,
    result: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: &'static str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, message: message.into(), header: None, result: None }))
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Asks the client to come back in a second.
    pub(super) fn retry(mut self) -> Self {
        self.0.header = Some((RETRY_AFTER, RETRY_SECONDS));
        self
    }

    /// Adds what was done all the same.
    pub(super) fn with_result(mut self, result: &impl Serialize) -> Self {
        self.0.result = serde_json::value::to_raw_value(result).ok();
        self
    }

    pub(super) fn method_not_allowed(allowed: &'static [Method]) -> Self {
        let names = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let message = format!("this path answers {names}");
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, message);
        error.0.header = HeaderValue::from_str(&names).ok().map(|value| (ALLOW, value));
        error
    }

    pub(super) async fn unknown_path(uri: Uri) -> Self {
        let paths: Vec<_> = super::routes().into_iter().map(|(path, ..)| path).collect();
        let message = format!("there is no `{}`; there is: {}", uri.path(), paths.join(", "));
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let parts = *self.0;
        let envelope =
            Envelope { status: "error", error: &parts.message, result: parts.result.as_deref() };
        let mut response = json(parts.status, &envelope);
        if let Some((name, value)) = parts.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<BadBody> for ApiError {
    fn from(error: BadBody) -> Self {
        let status = match error {
            BadBody::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}

impl From<FilterError> for ApiError {
    fn from(error: FilterError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match (&error, error.fault()) {
            (StoreError::Timeout { .. }, _) => StatusCode::GATEWAY_TIMEOUT,
            (StoreError::Stopping, _) => StatusCode::SERVICE_UNAVAILABLE,
            (_, Some(Fault::Busy | Fault::Io | Fault::Full)) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!(%error, "query failed");
        Self::new(status, error.to_string())
    }
}

impl From<&WriteError> for ApiError {
    fn from(error: &WriteError) -> Self {
        let status = match error {
            WriteError::DiskFull(_) => StatusCode::INSUFFICIENT_STORAGE,
            WriteError::Unavailable(_) | WriteError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string()).retry()
    }
}

/// A JSON response.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).expect("plain data always has a JSON form");
    json_bytes(status, bytes)
}

/// A response of bytes that are JSON already.
pub(super) fn json_bytes(status: StatusCode, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
