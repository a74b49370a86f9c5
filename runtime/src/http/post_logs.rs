//! `POST /logs`: takes entries and answers once they are committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::body::{self, Encoding};
use super::error::{ApiError, json};
use super::{Api, ApiState};
use crate::domain::{Receipt, Refusal};
use crate::pipeline::{Bound, IngestError};

/// A body up to this many bytes is read in place: about 100 µs.
const INLINE_BYTES: usize = 64 << 10;

/// Large bodies read at once: the others wait, so that queries keep their threads.
static LARGE_BODIES: Semaphore = Semaphore::const_new(4);

/// What became of the entries.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    stored: usize,
    refused: &'a [Refusal],
    ignored_fields: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    status: &'static str,
    result: Outcome<'a>,
}

/// How entries stand in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Json,
    NdJson,
}

pub(super) async fn handle(
    State(api): ApiState,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let layout = Layout::of(&headers)?;
    let encoding = Encoding::of(&headers)?;
    let bytes = body::read(&headers, body, &api.config).await?;
    let mut bound = bind(&api, bytes, layout, encoding).await?;
    let ignored = std::mem::take(&mut bound.ignored_fields);
    let pending = api
        .ingestor
        .try_ingest(bound)
        .map_err(|error| ApiError::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()).retry())?;
    match pending.receipt().await {
        Ok(receipt) => answer(&receipt, &ignored),
        Err(IngestError::NotStored { cause, receipt }) => {
            Err(ApiError::from(&cause).with_result(&outcome(&receipt, &ignored)))
        }
        Err(IngestError::QueueFull) => unreachable!("a receipt is only awaited for what was taken"),
    }
}

/// Reads the entries; off the async threads when that takes long.
async fn bind(
    api: &Arc<Api>,
    bytes: Bytes,
    layout: Layout,
    encoding: Encoding,
) -> Result<Bound, ApiError> {
    if encoding == Encoding::Identity && bytes.len() <= INLINE_BYTES {
        return bind_now(api, &bytes, layout, encoding);
    }
    let _turn = LARGE_BODIES.acquire().await;
    let api = Arc::clone(api);
    tokio::task::spawn_blocking(move || bind_now(&api, &bytes, layout, encoding))
        .await
        .map_err(|panic| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, panic.to_string()))?
}

fn bind_now(
    api: &Api,
    bytes: &[u8],
    layout: Layout,
    encoding: Encoding,
) -> Result<Bound, ApiError> {
    let bytes = body::decompress(bytes, encoding, api.config.max_body_size)?;
    let binder = api.ingestor.binder();
    match layout {
        Layout::Json => Ok(binder.read_json(&bytes)?),
        Layout::NdJson => Ok(binder.read_ndjson(&bytes)?),
    }
}

fn answer(receipt: &Receipt, ignored: &BTreeSet<String>) -> Result<Response, ApiError> {
    let outcome = outcome(receipt, ignored);
    match receipt.refused.first() {
        Some(first) if receipt.stored == 0 => {
            let message = match receipt.refused.len() {
                1 => format!("the entry was refused: {}", first.error),
                all => format!(
                    "all {all} entries were refused; entry {}: {}",
                    first.index, first.error
                ),
            };
            Err(ApiError::bad_request(message).with_result(&outcome))
        }
        _ => Ok(json(StatusCode::OK, &Success { status: "success", result: outcome })),
    }
}

fn outcome<'a>(receipt: &'a Receipt, ignored: &'a BTreeSet<String>) -> Outcome<'a> {
    Outcome { stored: receipt.stored, refused: &receipt.refused, ignored_fields: ignored }
}

impl Layout {
    /// JSON unless the content type says otherwise. `curl -d` calls everything a form, and the earlier generations
    /// never looked, so a form and plain text are read as JSON.
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let text = value.to_str().unwrap_or_default();
        let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            ""
            | "application/json"
            | "text/json"
            | "text/plain"
            | "application/x-www-form-urlencoded" => Ok(Self::Json),
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines" => Ok(Self::NdJson),
            other if other.ends_with("+json") => Ok(Self::Json),
            other => Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "unknown Content-Type `{other}`; send application/json or application/x-ndjson"
                ),
            )),
        }
    }
}
