//! `POST /logs`: takes entries and answers once they are committed.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

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
use crate::domain::{Receipt, Refusal, SourceName};
use crate::pipeline::{BadBody, Binder, IngestError, Layout};

/// A body up to this many bytes is read in place: about 100 µs.
const INLINE_BYTES: usize = 64 << 10;

/// Large bodies read at once: the others wait, so that queries keep their threads.
static LARGE_BODIES: Semaphore = Semaphore::const_new(4);

/// What transforms know these entries by.
static SOURCE: LazyLock<SourceName> = LazyLock::new(SourceName::http);

/// What became of the entries.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    stored: usize,
    #[serde(skip_serializing_if = "is_zero")]
    dropped: usize,
    refused: &'a [Refusal],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dead_letters: &'a [Refusal],
    ignored_fields: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    status: &'static str,
    result: Outcome<'a>,
}

pub(super) async fn handle(
    State(api): ApiState,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let layout = layout(&headers)?;
    let encoding = Encoding::of(&headers)?;
    let bytes = body::read(&headers, body, &api.config).await?;
    api.metrics.body_sizes.observe(bytes.len() as f64);
    let sent = Sent { bytes, encoding, layout };
    let mut bound = if api.ingestor.has_transforms(&SOURCE) {
        let draft =
            parse(&api, sent, |binder, body, layout| binder.draft(body.into(), layout)).await?;
        api.ingestor.transform(&SOURCE, draft).await.map_err(|error| not_taken(&error))?
    } else {
        parse(&api, sent, |binder, body, layout| binder.read(&body, layout)).await?
    };
    let ignored = std::mem::take(&mut bound.ignored_fields);
    let pending = api.ingestor.try_ingest(bound).map_err(|error| not_taken(&error))?;
    match pending.receipt().await {
        Ok(receipt) => answer(&receipt, &ignored),
        Err(IngestError::NotStored { cause, receipt }) => {
            Err(ApiError::from(&cause).with_result(&outcome(&receipt, &ignored)))
        }
        Err(error) => Err(not_taken(&error)),
    }
}

/// A body as it was sent.
struct Sent {
    bytes: Bytes,
    encoding: Encoding,
    layout: Layout,
}

/// Reads the entries; off the async threads when that takes long.
async fn parse<T: Send + 'static>(
    api: &Arc<Api>,
    sent: Sent,
    read: fn(&Binder, Bytes, Layout) -> Result<T, BadBody>,
) -> Result<T, ApiError> {
    if sent.encoding == Encoding::Identity && sent.bytes.len() <= INLINE_BYTES {
        return Ok(read(api.ingestor.binder(), sent.bytes, sent.layout)?);
    }
    let _turn = LARGE_BODIES.acquire().await;
    let api = Arc::clone(api);
    tokio::task::spawn_blocking(move || {
        let bytes = body::decompress(sent.bytes, sent.encoding, api.config.max_body_size)?;
        Ok(read(api.ingestor.binder(), bytes, sent.layout)?)
    })
    .await
    .map_err(|panic| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, panic.to_string()))?
}

fn not_taken(error: &IngestError) -> ApiError {
    let status = match error {
        IngestError::QueueFull => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    ApiError::new(status, error.to_string()).retry()
}

fn answer(receipt: &Receipt, ignored: &BTreeSet<String>) -> Result<Response, ApiError> {
    let outcome = outcome(receipt, ignored);
    match receipt.refused.first() {
        Some(first) if is_all_refused(receipt) => {
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
    Outcome {
        stored: receipt.stored,
        dropped: receipt.dropped,
        refused: &receipt.refused,
        dead_letters: &receipt.dead,
        ignored_fields: ignored,
    }
}

/// Entries that are dropped or kept as dead letters were taken.
fn is_all_refused(receipt: &Receipt) -> bool {
    receipt.stored == 0 && receipt.dropped == 0 && receipt.dead.is_empty()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// JSON unless the content type says otherwise. `curl -d` calls everything a form, and the earlier generations
/// never looked, so a form and plain text are read as JSON.
fn layout(headers: &HeaderMap) -> Result<Layout, ApiError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Layout::Json) };
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        ""
        | "application/json"
        | "text/json"
        | "text/plain"
        | "application/x-www-form-urlencoded" => Ok(Layout::Json),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/jsonlines" => Ok(Layout::NdJson),
        other if other.ends_with("+json") => Ok(Layout::Json),
        other => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "unknown Content-Type `{other}`; send application/json or application/x-ndjson"
            ),
        )),
    }
}
