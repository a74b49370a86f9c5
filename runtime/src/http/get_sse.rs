//! `GET /logs/sse`: new entries as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Each event is a JSON array, newest first; its id is the newest row id in it. The stream is read from the table
//! only as fast as the client takes it, so a client that stops reading costs one event's bytes.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tracing::{debug, warn};

use super::error::ApiError;
use super::query_string::tail_query;
use super::{Api, ApiState};
use crate::domain::RowId;
use crate::live::{Event, Subject, Tail};
use crate::store::{RowFormat, TailPage};

const LAST_EVENT_ID: &str = "last-event-id";
/// Tells proxies to pass events on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Opens the stream, and tells the browser to come back after a second when it breaks.
const GREETING: &[u8] = b": loglite\nretry: 1000\n\n";
const HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// A subscriber, counted while it lives.
struct Subscriber {
    api: Arc<Api>,
    tail: Tail,
    greeted: bool,
}

pub(super) async fn handle(
    State(api): ApiState,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (query, given) = tail_query(api.schema(), &raw.unwrap_or_default())?;
    // When a browser reconnects, the header is newer than the address.
    let after = last_event_id(&headers)?.or(given);
    let encoder = api.store.encoder(&query.fields, RowFormat::JsonItems, api.json_columns);
    let subject = Subject { query, encoder, after };
    let source = (Arc::clone(api.store.live_reads()), Arc::clone(api.schema()));
    let tail = Tail::new(source, api.store.watermark(), subject, api.pace);
    let body = Body::from_stream(stream::unfold(Subscriber::new(api, tail), Subscriber::next));
    let mut response = Response::new(body);
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
        (X_ACCEL_BUFFERING, "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<RowId>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    id.map(|id| Some(RowId(id))).ok_or_else(|| {
        ApiError::bad_request(format!(
            "`Last-Event-ID`: {value:?} is no id of an event of this stream"
        ))
    })
}

impl Subscriber {
    fn new(api: Arc<Api>, tail: Tail) -> Self {
        api.metrics.sse_subscribers.inc();
        debug!("subscriber connected");
        Self { api, tail, greeted: false }
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.greeted {
            self.greeted = true;
            return Some((Ok(Bytes::from_static(GREETING)), self));
        }
        let stopping = self.api.stopping.clone();
        let event = tokio::select! {
            () = stopping.cancelled() => return None,
            event = self.tail.next(self.api.heartbeat) => event,
        };
        let bytes = match event {
            Ok(Event::Rows(page)) => encode(&page),
            Ok(Event::Silence) => Bytes::from_static(HEARTBEAT),
            Ok(Event::Ended) => return None,
            Err(error) => {
                // The client comes back with its last event id and misses nothing.
                warn!(%error, "subscription broken off");
                return None;
            }
        };
        Some((Ok(bytes), self))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.api.metrics.sse_subscribers.dec();
        debug!("subscriber gone");
    }
}

/// One event. Rows hold no line ends, as JSON escapes them.
fn encode(page: &TailPage) -> Bytes {
    let newest = page.newest.unwrap_or_default().0;
    let mut out = format!("id: {newest}\ndata: [").into_bytes();
    for (at, row) in page.rows.iter().rev().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(row);
    }
    out.extend_from_slice(b"]\n\n");
    out.into()
}
