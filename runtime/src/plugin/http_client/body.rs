//! A response's body that ends when it grows too large or stalls.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi::runtime::AbortOnDropJoinHandle;
use wasmtime_wasi_http::Error as WasiError;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    pub(super) pause: Duration,
}

/// The body and all that lives as long as it.
pub(super) struct BoundedBody {
    incoming: Incoming,
    bounds: Bounds,
    taken: u64,
    stall: Pin<Box<Sleep>>,
    /// Moves bytes between socket and body; ends with it.
    _driver: AbortOnDropJoinHandle<()>,
    _slot: OwnedSemaphorePermit,
}

impl BoundedBody {
    pub(super) fn new(
        incoming: Incoming,
        bounds: Bounds,
        driver: AbortOnDropJoinHandle<()>,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let stall = Box::pin(sleep(bounds.pause));
        Self { incoming, bounds, taken: 0, stall, _driver: driver, _slot: slot }
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), WasiError> {
        self.taken += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
        if let Some(next) = Instant::now().checked_add(self.bounds.pause) {
            self.stall.as_mut().reset(next);
        }
        if self.taken > self.bounds.bytes {
            return Err(WasiError::HttpResponseBodySize(Some(self.bounds.bytes)));
        }
        Ok(())
    }
}

impl Body for BoundedBody {
    type Data = Bytes;
    type Error = WasiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasiError>>> {
        match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.count(&frame).map(|()| frame))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let stalled = self.stall.as_mut().poll(context);
                stalled.map(|()| Some(Err(WasiError::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
