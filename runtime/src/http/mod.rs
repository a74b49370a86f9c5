//! The HTTP interface: the router on one page, a file per resource.
//!
//! Handlers turn requests into calls of the layers below and their answers into responses; they own no state.

mod body;
mod cors;
mod cursor;
mod error;
mod get_logs;
mod get_sse;
mod openapi;
mod post_logs;
mod query_string;
mod raw_target;
mod request_id;
mod server;
mod service_info;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, Request, header};
use axum::routing::{MethodRouter, get};
use tokio_util::sync::CancellationToken;

use crate::config::{HttpConfig, JsonColumns, Setting};
use crate::domain::Schema;
use crate::live::Pace;
use crate::metrics::Metrics;
use crate::pipeline::Ingestor;
use crate::store::Store;

use error::ApiError;
pub use server::{Bound, Server};

/// What handlers work with.
#[derive(Debug)]
pub struct Api {
    /// The HTTP section of the configuration.
    pub config: HttpConfig,
    /// The way in.
    pub ingestor: Ingestor,
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
fn routes() -> [Route; 8] {
    const GET: &[Method] = &[Method::GET];
    const GET_POST: &[Method] = &[Method::GET, Method::POST];
    [
        ("/logs", GET_POST, get(get_logs::handle).post(post_logs::handle)),
        ("/logs/sse", GET, get(get_sse::handle)),
        ("/health", GET, get(service_info::health)),
        ("/version", GET, get(service_info::version)),
        ("/schema", GET, get(service_info::schema)),
        ("/settings", GET, get(service_info::settings)),
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
}

impl Routers {
    fn new(api: Arc<Api>) -> Self {
        let cors = cors::layer(&api.config.allow_origin);
        let router =
            routes().into_iter().fold(Router::new(), |router, (path, methods, handlers)| {
                let otherwise = async move || ApiError::method_not_allowed(methods);
                router.route(path, handlers.fallback(otherwise))
            });
        let plain = router.fallback(ApiError::unknown_path).with_state(api);
        Self { cross_origin: plain.clone().layer(cors), plain }
    }

    fn of<B>(&self, request: &Request<B>) -> Router {
        let is_cross_origin = request.headers().contains_key(header::ORIGIN);
        if is_cross_origin { self.cross_origin.clone() } else { self.plain.clone() }
    }
}
