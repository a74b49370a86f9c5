//! `GET /logs`: answers a query as JSON, NDJSON or CSV, page by page, never holding a whole result.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tracing::warn;

use super::error::{ApiError, json_bytes};
use super::query_string::{LogsQuery, logs_query};
use super::{Api, ApiState, cursor};
use crate::domain::{Query, Start};
use crate::store::{Extent, Page, RowEncoder, RowFormat, StoreError, count_and_read, read_page};

/// Rows per page of a longer answer: bounds its memory, and how long it keeps old pages of the database alive.
const PAGE_ROWS: u64 = 1_000;
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// An answer under way.
struct Answer {
    api: Arc<Api>,
    query: Query,
    format: RowFormat,
    encoder: Arc<RowEncoder>,
    extent: Extent,
    sent: u64,
    /// Rows before the first one, if the query started at an offset.
    offset: Option<u64>,
    /// The next page to send; `None` when its rows are not read yet.
    page: Option<Page>,
    ended: bool,
}

pub(super) async fn handle(
    State(api): ApiState,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    let LogsQuery { query, format } = logs_query(api.schema(), &raw.unwrap_or_default())?;
    let encoder = api.store.encoder(&query.fields, format, api.json_columns);
    let (begun, times) = (Instant::now(), api.metrics.query_times.clone());
    let mut answer = Answer::begin(api, query, format, encoder).await?;
    times.observe(begun.elapsed().as_secs_f64());
    let mut response = if answer.is_complete() {
        let mut bytes = answer.head();
        bytes.extend(answer.take_page());
        bytes.extend(answer.tail());
        json_bytes(StatusCode::OK, bytes)
    } else {
        json_bytes(StatusCode::OK, Body::empty())
    };
    let headers = response.headers_mut();
    headers.insert(X_TOTAL_COUNT, HeaderValue::from(answer.extent.matches));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
    if !answer.ended {
        *response.body_mut() = answer.into_body();
    }
    Ok(response)
}

fn content_type(format: RowFormat) -> &'static str {
    match format {
        RowFormat::JsonItems => "application/json",
        RowFormat::NdJson => "application/x-ndjson",
        RowFormat::Csv => "text/csv; charset=utf-8",
    }
}

impl Answer {
    /// Counts and reads the first page, so that what can go wrong mostly does before the answer starts.
    async fn begin(
        api: Arc<Api>,
        query: Query,
        format: RowFormat,
        encoder: RowEncoder,
    ) -> Result<Self, StoreError> {
        let most = query.limit.map_or(PAGE_ROWS, |limit| limit.min(PAGE_ROWS));
        let encoder = Arc::new(encoder);
        let (schema, question, rows) =
            (Arc::clone(api.schema()), query.clone(), Arc::clone(&encoder));
        let (extent, page) = api
            .store
            .reads()
            .run(move |connection| count_and_read(connection, &schema, &question, &rows, most))
            .await?;
        let offset = if let Start::Offset(offset) = query.start { Some(offset) } else { None };
        let (page, sent, ended) = (Some(page), 0, false);
        Ok(Self { api, query, format, encoder, extent, sent, offset, page, ended })
    }

    /// Whether the page at hand is the last one.
    fn is_complete(&self) -> bool {
        self.page.as_ref().is_none_or(|page| {
            let sent = self.sent + page.rows;
            !page.more || self.query.limit.is_some_and(|limit| sent >= limit)
        })
    }

    fn head(&self) -> Vec<u8> {
        if self.format != RowFormat::JsonItems {
            return self.encoder.header();
        }
        let offset = self.offset.unwrap_or(0);
        let (total, limit) = (self.extent.matches, self.query.limit.unwrap_or(self.extent.matches));
        format!(
            "{{\"status\":\"success\",\"result\":{{\"total\":{total},\"offset\":{offset},\"limit\":{limit},\"results\":["
        )
        .into_bytes()
    }

    /// What follows the last row: for JSON the cursor of the rows behind it.
    fn tail(&mut self) -> Vec<u8> {
        self.ended = true;
        if self.format != RowFormat::JsonItems {
            return Vec::new();
        }
        let cursor = match &self.query.start {
            Start::Cursor(cursor) if self.has_more() => format!("\"{}\"", cursor::encode(cursor)),
            _ => "null".into(),
        };
        format!("],\"cursor\":{cursor}}}}}").into_bytes()
    }

    /// Whether rows are left behind the limit: known from an offset; behind a cursor, likely when the limit was reached.
    fn has_more(&self) -> bool {
        let limited = self.sent > 0 && self.query.limit.is_some_and(|limit| self.sent >= limit);
        limited
            && self
                .offset
                .is_none_or(|offset| offset.saturating_add(self.sent) < self.extent.matches)
    }

    /// The rows of the page at hand. The query goes on behind them.
    fn take_page(&mut self) -> Vec<u8> {
        let Some(page) = self.page.take() else { return Vec::new() };
        let glue = self.format == RowFormat::JsonItems && self.sent > 0 && page.rows > 0;
        self.sent += page.rows;
        if let Some(last) = page.last {
            self.query.start = Start::Cursor(last);
        }
        let mut bytes = page.bytes;
        if glue {
            bytes.insert(0, b',');
        }
        bytes
    }

    async fn read_next(&mut self) -> Result<(), StoreError> {
        let (schema, query) = (Arc::clone(self.api.schema()), self.query.clone());
        let encoder = Arc::clone(&self.encoder);
        let left = self.query.limit.map_or(u64::MAX, |limit| limit - self.sent);
        let bounds = (self.extent, left.min(PAGE_ROWS));
        let page = self
            .api
            .store
            .reads()
            .run(move |connection| read_page(connection, &schema, &query, &encoder, bounds))
            .await?;
        self.page = Some(page);
        Ok(())
    }

    /// Sends page after page as the client takes them. A failure breaks the answer off, so that the client sees it
    /// is not whole.
    fn into_body(self) -> Body {
        let head = Bytes::from(self.head());
        let pages = stream::unfold((self, Some(head)), |(mut answer, head)| async move {
            if answer.ended {
                return None;
            }
            if answer.page.is_none()
                && let Err(error) = answer.read_next().await
            {
                warn!(%error, sent = answer.sent, "answer broken off");
                answer.ended = true;
                return Some((Err(error), (answer, None)));
            }
            let is_last = answer.is_complete();
            let mut bytes = head.map(Vec::from).unwrap_or_default();
            bytes.extend(answer.take_page());
            if is_last {
                bytes.extend(answer.tail());
            }
            Some((Ok(Bytes::from(bytes)), (answer, None)))
        });
        Body::from_stream(pages)
    }
}
