//! Read-only connections, each query with a deadline.
//!
//! A query that takes too long, or whose caller has gone, is interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use crate::metrics::Metrics;

/// Virtual machine instructions between two looks at the clock: well under a millisecond.
const INSTRUCTIONS_PER_CHECK: i32 = 20_000;

/// A fixed number of read-only connections.
#[derive(Debug)]
pub struct ReadPool {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
    size: u32,
    timeout: Duration,
    metrics: Metrics,
}

impl ReadPool {
    /// A pool of these connections.
    #[must_use]
    pub fn new(connections: Vec<Connection>, timeout: Duration, metrics: Metrics) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections.len())),
            size: u32::try_from(connections.len()).unwrap_or(u32::MAX),
            idle: Arc::new(Mutex::new(connections)),
            timeout,
            metrics,
        }
    }

    /// Waits for the running queries and keeps new ones waiting until the permit is dropped.
    pub(super) async fn pause(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_many_owned(self.size).await.ok()
    }

    /// Closes the connections that no query uses.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs `query` on a connection, off the async threads. Waiting for a connection counts towards the deadline.
    /// Dropping the future interrupts the query.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] past the deadline, else what `query` returns.
    pub async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let outcome = self.run_until(begun + self.timeout, query).await;
        self.metrics.query_seconds.observe(begun.elapsed().as_secs_f64());
        match &outcome {
            Ok(_) => &self.metrics.queries_answered,
            Err(StoreError::Timeout { .. }) => &self.metrics.queries_timed_out,
            Err(_) => &self.metrics.queries_failed,
        }
        .inc();
        outcome
    }

    async fn run_until<T: Send + 'static>(
        &self,
        deadline: Instant,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let timed_out = || StoreError::Timeout { after: self.timeout };
        let permit =
            tokio::time::timeout_at(deadline.into(), Arc::clone(&self.free).acquire_owned())
                .await
                .map_err(|_| timed_out())?
                .expect("the semaphore is never closed");
        let gone = Arc::new(AtomicBool::new(false));
        let _interrupt = SetOnDrop(Arc::clone(&gone));
        let idle = Arc::clone(&self.idle);
        let task = tokio::task::spawn_blocking(move || {
            // Declared before the lease, so that it is given back after it.
            let _permit = permit;
            let mut lease = Lease::take(idle);
            with_deadline(lease.connection(), deadline, &gone, query)
        });
        match task.await {
            Ok(Err(error)) if error.is_interrupt() => Err(timed_out()),
            Ok(outcome) => outcome,
            Err(panic) => Err(StoreError::Panicked { what: panic.to_string() }),
        }
    }
}

fn with_deadline<T>(
    connection: &mut Connection,
    deadline: Instant,
    gone: &Arc<AtomicBool>,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let gone = Arc::clone(gone);
    let must_stop = move || gone.load(Ordering::Relaxed) || Instant::now() > deadline;
    connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(must_stop))?;
    let outcome = query(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    outcome
}

/// A connection that goes back to the pool in any case, a panic included.
struct Lease {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lease {
    fn take(idle: Arc<Mutex<Vec<Connection>>>) -> Self {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { connection, idle }
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("the pool has one connection per permit")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
