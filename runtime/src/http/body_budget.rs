//! The memory that the bodies of all requests together may take: each alone is limited, their number is not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::sync::Semaphore;

use crate::domain::ByteSize;

/// Bodies up to this many bytes are not counted: single entries go through at no cost.
const UNCOUNTED: usize = 64 << 10;

/// What there is for all bodies together.
#[derive(Debug, Clone)]
pub(super) struct BodyBudget {
    total: ByteSize,
    free: Arc<Semaphore>,
}

/// There is no room for more of a body.
#[derive(Debug, thiserror::Error)]
#[error(
    "requests under way take all of {0} that there is for their bodies (the larger of `ingest_queue_size` and `max_body_size`); send it again later, or fewer entries at once"
)]
pub(super) struct OverBudget(ByteSize);

/// What one body takes, until the request is answered.
#[derive(Debug)]
pub(super) struct Share {
    budget: BodyBudget,
    taken: AtomicUsize,
}

impl BodyBudget {
    pub(super) fn new(total: ByteSize) -> Self {
        let permits = total.as_usize().min(Semaphore::MAX_PERMITS);
        Self { total, free: Arc::new(Semaphore::new(permits)) }
    }

    /// The body, counted as it grows. The share is to be kept for as long as the body may be in memory.
    pub(super) fn count(&self, body: Incoming) -> (Body, Option<Arc<Share>>) {
        if body.size_hint().upper().is_some_and(|length| length <= UNCOUNTED as u64) {
            return (Body::new(body), None);
        }
        let share = Arc::new(Share { budget: self.clone(), taken: AtomicUsize::new(0) });
        let counted =
            CountedBody { body, share: Arc::clone(&share), arrived: 0, is_refused: false };
        (Body::new(counted), Some(share))
    }
}

impl Share {
    /// Makes it this large. Only the body itself does so, one frame at a time.
    fn grow_to(&self, bytes: usize) -> Result<(), OverBudget> {
        let more = bytes.saturating_sub(self.taken.load(Ordering::Relaxed));
        let permits = u32::try_from(more).ok().and_then(|more| {
            // Never waits: one that holds a part while it waits for the rest would hold up others that do the same.
            self.budget.free.try_acquire_many(more).ok()
        });
        let Some(permits) = permits else {
            self.give_back();
            return Err(OverBudget(self.budget.total));
        };
        permits.forget();
        self.taken.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    fn give_back(&self) {
        self.budget.free.add_permits(self.taken.swap(0, Ordering::Relaxed));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A body that takes its share as it arrives. After the error that tells of no room, what comes is only to be thrown
/// away; the share is free for others by then.
struct CountedBody {
    body: Incoming,
    share: Arc<Share>,
    arrived: usize,
    is_refused: bool,
}

impl hyper::body::Body for CountedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame?;
        self.arrived += frame.data_ref().map_or(0, Bytes::len);
        if self.arrived > UNCOUNTED && !self.is_refused {
            self.share.grow_to(self.arrived).inspect_err(|_| self.is_refused = true)?;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budget: &BodyBudget) -> Share {
        Share { budget: budget.clone(), taken: AtomicUsize::new(0) }
    }

    #[test]
    fn a_share_that_ends_leaves_room_for_others() {
        let budget = BodyBudget::new(ByteSize(100));
        let (first, second) = (share(&budget), share(&budget));
        first.grow_to(40).expect("there is room");
        first.grow_to(60).expect("there is room");
        second.grow_to(40).expect("there is room");
        let error = second.grow_to(41).expect_err("all is taken");
        assert!(error.to_string().contains("`ingest_queue_size`"), "{error}");
        assert_eq!(budget.free.available_permits(), 40, "what is refused takes nothing");

        drop(first);

        second.grow_to(100).expect("there is room again");
        drop(second);
        assert_eq!(budget.free.available_permits(), 100);
    }
}
