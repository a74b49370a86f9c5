//! A name for each request, to find it in the log: the client's own or one of ours.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderName, HeaderValue, Request};

/// The header that carries it in both directions.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is replaced by ours.
const MAX_LENGTH: usize = 128;

static NEXT: AtomicU64 = AtomicU64::new(1);
/// Tells the requests of one run from those of another.
static RUN: LazyLock<u64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()));

/// The request's name.
pub(super) fn of<B>(request: &Request<B>) -> HeaderValue {
    let given = request.headers().get(X_REQUEST_ID);
    match given.filter(|id| !id.is_empty() && id.len() <= MAX_LENGTH) {
        Some(id) => id.clone(),
        None => {
            let id = format!("{:x}-{:x}", *RUN, NEXT.fetch_add(1, Ordering::Relaxed));
            HeaderValue::from_str(&id).expect("hexadecimal digits make a header value")
        }
    }
}
