//! The HTTP interface: the router on one page, a file per resource.
//!
//! Handlers turn requests into calls of the layers below and their answers into responses; they own no state.

mod body;
mod body_budget;
pub mod client;
mod cors;
mod cursor;
mod error;
mod get_dead_letters;
mod get_logs;
mod get_sse;
mod get_stats;
mod openapi;
mod patient_writes;
mod post_logs;
mod query_string;
mod raw_target;
mod replay_dead_letters;
mod request_id;
mod server;
mod service_info;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::config::{HttpConfig, JsonColumns, Setting};
use crate::domain::{ByteSize, Schema};
use crate::live::Pace;
use crate::metrics::Metrics;
use crate::pipeline::Ingestor;
use crate::store::Store;

use body_budget::BodyBudget;
pub use client::{ClientError, ServiceUrl};
use cors::Origins;
use error::ApiError;
pub use replay_dead_letters::{LetterFate, LetterOutcome, ReplayAnswer, ReplayBody, ReplaySpan};
pub use server::{Bound, Server};

/// What handlers work with.
#[derive(Debug)]
pub struct Api {
    /// The HTTP section of the configuration.
    pub config: HttpConfig,
    /// What the bodies of all requests under way may take in memory.
    pub body_memory: ByteSize,
    /// The way in.
    pub ingestor: Arc<Ingestor>,
    /// The database.
    pub store: Arc<Store>,
    /// How columns declared JSON are given out.
    pub json_columns: JsonColumns,
    /// How live subscriptions are paced.
    pub pace: Pace,
    /// The silence after which a live subscription gets a comment.
    pub heartbeat: Duration,
    /// The effective configuration.
    pub settings: Vec<Setting>,
    /// What is counted.
    pub metrics: Metrics,
    /// How long statistics are kept.
    pub stats_retention: Duration,
    /// When the service started.
    pub started: Instant,
    /// Cancelled when the service stops: long answers end.
    pub stopping: CancellationToken,
}

impl Api {
    fn schema(&self) -> &Arc<Schema> {
        self.store.schema()
    }
}

type ApiState = State<Arc<Api>>;

/// A path, its methods, and who answers them.
type Route = (&'static str, &'static [Method], MethodRouter<Arc<Api>>);

/// Every path with its methods: the router, `Allow` headers and the OpenAPI test read the same list.
fn routes() -> [Route; 13] {
    const GET: &[Method] = &[Method::GET];
    const POST: &[Method] = &[Method::POST];
    const GET_POST: &[Method] = &[Method::GET, Method::POST];
    [
        ("/logs", GET_POST, get(get_logs::handle).post(post_logs::handle)),
        ("/logs/sse", GET, get(get_sse::handle)),
        ("/health", GET, get(service_info::health)),
        ("/version", GET, get(service_info::version)),
        ("/schema", GET, get(service_info::schema)),
        ("/settings", GET, get(service_info::settings)),
        ("/plugins", GET, get(service_info::plugins)),
        ("/harvesters", GET, get(service_info::harvesters)),
        ("/dead-letters", GET, get(get_dead_letters::handle)),
        ("/dead-letters/replay", POST, post(replay_dead_letters::handle)),
        ("/stats", GET, get(get_stats::handle)),
        ("/metrics", GET, get(service_info::metrics)),
        ("/openapi.json", GET, get(openapi::handle)),
    ]
}

/// The whole interface, in two forms.
#[derive(Debug, Clone)]
struct Routers {
    /// For requests of other programs: without the cost of CORS.
    plain: Router,
    /// For requests that web pages of another origin make.
    cross_origin: Router,
    origins: Origins,
    bodies: BodyBudget,
}

impl Routers {
    fn new(api: Arc<Api>) -> Self {
        let origins = Origins::new(&api.config.allow_origin);
        let bodies = BodyBudget::new(api.body_memory);
        let router =
            routes().into_iter().fold(Router::new(), |router, (path, methods, handlers)| {
                let otherwise = async move || ApiError::method_not_allowed(methods);
                router.route(path, handlers.fallback(otherwise))
            });
        let plain = router.fallback(ApiError::unknown_path).with_state(api);
        Self { cross_origin: plain.clone().layer(cors::layer(&origins)), plain, origins, bodies }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        if let Err(refusal) = self.origins.check(&request) {
            return Ok(refusal.into_response());
        }
        let is_concerned = self.origins.concern(&request);
        let router = if is_concerned { self.cross_origin.clone() } else { self.plain.clone() };
        let (head, body) = request.into_parts();
        let (body, _share) = self.bodies.count(body);
        router.oneshot(Request::from_parts(head, body)).await
    }
}
