//! What the service tells of itself: health, version, schema, settings, metrics.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ApiState;
use super::error::{ApiError, json};
use crate::config::Setting;
use crate::domain::{Column, Kind};
use crate::metrics::{HarvesterStatus, PluginStatus};

/// What Prometheus asks for (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Serialize)]
struct Health {
    status: &'static str,
    result: &'static str,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct SchemaAnswer<'a> {
    table: &'a str,
    columns: Vec<ColumnAnswer<'a>>,
}

#[derive(Serialize)]
struct ColumnAnswer<'a> {
    name: &'a str,
    kind: Kind,
    sqlite_type: &'a str,
    compressed: bool,
    not_null: bool,
    primary_key: bool,
}

#[derive(Serialize)]
struct Plugins {
    status: &'static str,
    result: Vec<PluginStatus>,
}

#[derive(Serialize)]
struct Harvesters {
    status: &'static str,
    result: Vec<HarvesterStatus>,
}

#[derive(Serialize)]
struct Settings<'a> {
    settings: &'a [Setting],
}

/// `GET /health`: 200 when the table can be read and written.
pub(super) async fn health(State(api): ApiState) -> Result<Response, ApiError> {
    match api.store.check().await {
        Ok(()) => Ok(json(StatusCode::OK, &Health { status: "success", result: "ok" })),
        Err(reason) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, reason)),
    }
}

/// `GET /version`
pub(super) async fn version() -> Response {
    json(StatusCode::OK, &Version { version: env!("CARGO_PKG_VERSION") })
}

/// `GET /schema`: the log table as the migrations left it.
pub(super) async fn schema(State(api): ApiState) -> Result<Response, ApiError> {
    let schema = api.schema();
    let compressed = api.store.compressed_columns().await?;
    let answer = |id| ColumnAnswer::new(schema.column(id), compressed.contains(&id));
    let columns = schema.ids().map(answer).collect();
    Ok(json(StatusCode::OK, &SchemaAnswer { table: schema.table(), columns }))
}

impl<'a> ColumnAnswer<'a> {
    /// Declared INTEGER, a compressed column holds ids; clients see what they stand for.
    fn new(column: &'a Column, compressed: bool) -> Self {
        let kind = match column.kind {
            Kind::Integer if compressed => Kind::Text,
            kind => kind,
        };
        Self {
            name: &column.name,
            kind,
            sqlite_type: &column.sqlite_type,
            compressed,
            not_null: column.not_null,
            primary_key: column.primary_key,
        }
    }
}

/// `GET /settings`: the effective configuration.
pub(super) async fn settings(State(api): ApiState) -> Response {
    json(StatusCode::OK, &Settings { settings: &api.settings })
}

/// `GET /plugins`: what each plugin is doing, and what it has done since the service started.
pub(super) async fn plugins(State(api): ApiState) -> Response {
    json(StatusCode::OK, &Plugins { status: "success", result: api.metrics.plugins() })
}

/// `GET /harvesters`: what each harvester is doing, what it has brought, and how far it is behind.
pub(super) async fn harvesters(State(api): ApiState) -> Response {
    json(StatusCode::OK, &Harvesters { status: "success", result: api.metrics.harvesters() })
}

/// `GET /metrics`
pub(super) async fn metrics(State(api): ApiState) -> Response {
    let (main, wal) = api.store.file_bytes();
    api.metrics.set_database_bytes(main, wal);
    let mut response = api.metrics.render().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
    response
}
