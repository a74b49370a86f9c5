//! Request bodies: read within a limit and a time, decompressed within the same limit.

use std::io::Read;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::body_budget::OverBudget;
use super::error::ApiError;
use crate::config::HttpConfig;
use crate::domain::ByteSize;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The encoding that the headers name.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Self::Identity) };
        match value.to_str().map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            Ok("identity" | "") => Ok(Self::Identity),
            Ok("gzip" | "x-gzip") => Ok(Self::Gzip),
            Ok("zstd") => Ok(Self::Zstd),
            _ => Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("unknown Content-Encoding {value:?}; known are identity, gzip and zstd"),
            )),
        }
    }
}

/// Reads the whole body as it was sent.
///
/// Errors: 413 past `max_body_size`, 408 past `body_timeout`, 429 when bodies take too much memory in all, 400 when the
/// client breaks off.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    config: &HttpConfig,
) -> Result<Bytes, ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > config.max_body_size.0) {
        return Err(too_large(config.max_body_size));
    }
    tokio::time::timeout(config.body_timeout, collect(body, config.max_body_size))
        .await
        .unwrap_or_else(|_| {
            let message = format!(
                "the body did not arrive within {} ms (`body_timeout_ms`)",
                config.body_timeout.as_millis()
            );
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message))
        })
}

async fn collect(mut body: Body, limit: ByteSize) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                drop((first, rest));
                return Err(refusal(error, body).await);
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit.as_usize() {
            return Err(too_large(limit));
        }
        // Most bodies come in one piece, which is then used as it is.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

async fn refusal(error: axum::Error, mut body: Body) -> ApiError {
    match error.into_inner().downcast::<OverBudget>() {
        Ok(error) => {
            // Many a client reads no answer before it has sent everything.
            while let Some(Ok(_)) = body.frame().await {}
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()).retry()
        }
        Err(error) => ApiError::bad_request(format!("the body broke off: {error}")),
    }
}

/// The body without its compression. Blocks for as long as that takes.
pub(super) fn decompress(
    body: Bytes,
    encoding: Encoding,
    limit: ByteSize,
) -> Result<Bytes, ApiError> {
    let mut out = Vec::new();
    let most = limit.0.saturating_add(1);
    let outcome = match encoding {
        Encoding::Identity => return Ok(body),
        Encoding::Gzip => {
            flate2::read::MultiGzDecoder::new(&*body).take(most).read_to_end(&mut out)
        }
        Encoding::Zstd => zstd::stream::read::Decoder::with_buffer(&*body)
            .and_then(|decoder| decoder.take(most).read_to_end(&mut out)),
    };
    outcome.map_err(|error| {
        ApiError::bad_request(format!("the body is not valid {encoding:?} data: {error}"))
    })?;
    if out.len() as u64 > limit.0 {
        return Err(too_large(limit));
    }
    Ok(out.into())
}

fn too_large(limit: ByteSize) -> ApiError {
    let message = format!(
        "the body is larger than {limit} (`max_body_size`, before and after decompression); send fewer entries at once"
    );
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}
