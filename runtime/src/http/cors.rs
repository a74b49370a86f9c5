//! Which web pages may call the service.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{self, ORIGIN};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::error::ApiError;

/// How long a browser may keep the answer to a preflight.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The origins of `allow_origin`: `*`, one, or several separated by commas.
#[derive(Debug, Clone)]
pub(super) enum Origins {
    Any,
    /// These and no other.
    Only(Arc<[HeaderValue]>),
}

impl Origins {
    pub(super) fn new(allow_origin: &str) -> Self {
        let origins: Arc<[HeaderValue]> = allow_origin
            .split(',')
            .filter_map(|origin| HeaderValue::from_str(origin.trim()).ok())
            .collect();
        if origins.iter().any(|origin| origin == "*") { Self::Any } else { Self::Only(origins) }
    }

    /// Whether a request may be one of a page of another origin, or its answer depends on that.
    pub(super) fn concern<B>(&self, request: &Request<B>) -> bool {
        matches!(self, Self::Only(_)) || request.headers().contains_key(ORIGIN)
    }

    /// Refuses to write for a page of a foreign origin: browsers send plain text without asking, and only keep the
    /// answer from the page.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        let (Self::Only(origins), Some(origin)) = (self, request.headers().get(ORIGIN)) else {
            return Ok(());
        };
        if request.method() != Method::POST || origins.contains(origin) {
            return Ok(());
        }
        let message = format!(
            "pages of the origin {origin:?} may not write; `allow_origin` names those that may"
        );
        Err(ApiError::new(StatusCode::FORBIDDEN, message))
    }
}

/// Answers preflights and marks answers.
pub(super) fn layer(origins: &Origins) -> CorsLayer {
    let origin = match origins {
        Origins::Any => AllowOrigin::any(),
        Origins::Only(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::OPTIONS])
        .allow_headers([
            header::ACCEPT,
            header::CACHE_CONTROL,
            header::CONTENT_ENCODING,
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            HeaderName::from_static("x-total-count"),
        ])
        .max_age(MAX_AGE)
}
