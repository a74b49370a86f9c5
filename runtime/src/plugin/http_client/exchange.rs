//! `loglite:plugin/http`: a whole request for a whole response.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use tokio::time::timeout;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error as WasiError, WasiBody};

use crate::plugin::bindings::http::{
    HttpError, Request as GuestRequest, Response as GuestResponse,
};
use crate::plugin::grants::{HttpGate, HttpRefusal};

use super::{HttpFailure, Times, send};

/// Sends the guest's request and waits for the whole response, no longer than the guest and its limits say.
pub(in crate::plugin) async fn exchange(
    gate: &HttpGate,
    request: GuestRequest,
) -> Result<GuestResponse, HttpError> {
    let asked = request.timeout_ms.map(|ms| Duration::from_millis(ms.into()));
    let limit = asked.map_or(gate.time_limit, |asked| asked.min(gate.time_limit));
    let request = checked(request)?;
    let server = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let times = Times { connect: limit, headers: limit, pause: limit };
    let whole = async {
        let response = send(gate, request, times).await.map_err(HttpError::from)?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(HttpError::from)?.to_bytes();
        Ok(GuestResponse {
            status: parts.status.as_u16(),
            headers: listed(&parts.headers),
            body: body.into(),
        })
    };
    timeout(limit, whole).await.map_err(|_| HttpError::Timeout)?.map_err(|error| match error {
        HttpError::Failed(text) => HttpError::Failed(format!("{server}: {text}")),
        other => other,
    })
}

fn checked(request: GuestRequest) -> Result<Request<WasiBody>, HttpError> {
    let invalid = |what: &str, error: &dyn std::fmt::Display| {
        HttpError::InvalidRequest(format!("{what}: {error}"))
    };
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|error| invalid("the method", &error))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let key = HeaderName::try_from(name).map_err(|error| invalid("a header's name", &error))?;
        let value = HeaderValue::try_from(value)
            .map_err(|error| invalid(&format!("the value of the header `{key}`"), &error))?;
        if key == CONTENT_LENGTH || DEFAULT_FORBIDDEN_HEADERS.contains(&key) {
            return Err(invalid("the headers", &format_args!("`{key}` is set by loglite")));
        }
        headers.try_append(key, value).map_err(|error| invalid("the headers", &error))?;
    }
    let body = Full::new(Bytes::from(request.body.unwrap_or_default()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let mut built = Request::builder()
        .method(method)
        .uri(request.url)
        .body(body)
        .map_err(|error| invalid("the URL", &error))?;
    *built.headers_mut() = headers;
    Ok(built)
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

impl From<HttpFailure> for HttpError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Refused(HttpRefusal::Denied(text)) => Self::Denied(text),
            HttpFailure::Refused(HttpRefusal::Invalid(text)) => Self::InvalidRequest(text),
            HttpFailure::ConnectTimeout(_) | HttpFailure::ResponseTimeout(_) => Self::Timeout,
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<WasiError> for HttpError {
    fn from(error: WasiError) -> Self {
        match error {
            WasiError::HttpResponseBodySize(limit) => Self::TooLarge(limit.unwrap_or_default()),
            WasiError::ConnectionReadTimeout => Self::Timeout,
            other => Self::Failed(other.to_string()),
        }
    }
}
