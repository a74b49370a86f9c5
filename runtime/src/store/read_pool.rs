//! Read-only connections, each query with a deadline.
//!
//! A query that takes too long, or whose caller has gone, is interrupted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;
use crate::metrics::Metrics;

/// Virtual machine instructions between two looks at the clock: well under a millisecond.
const INSTRUCTIONS_PER_CHECK: i32 = 20_000;

/// Between two interrupts of a query that is past its deadline.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

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

    /// Refuses further queries and closes the connections; those in use when their query ends.
    pub(super) fn close(&self) {
        self.free.close();
        lock(&self.idle).clear();
    }

    /// Runs `query` on a connection, off the async threads. Waiting for a connection counts towards the deadline.
    /// Dropping the future interrupts the query.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] past the deadline, [`StoreError::Stopping`] once the pool is closed, else what `query`
    /// returns.
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
                .map_err(|_| StoreError::Stopping)?;
        let mut lease = Lease::take(permit, Arc::clone(&self.idle)).ok_or(StoreError::Stopping)?;
        let run = Arc::new(Run::new(lease.connection().get_interrupt_handle(), deadline));
        let _caller = Caller(Arc::clone(&run));
        let mut task = tokio::task::spawn_blocking({
            let run = Arc::clone(&run);
            move || {
                // Declared after the lease, so that the run has ended when another one gets the connection.
                let _end = EndOnDrop(&run);
                with_deadline(lease.connection(), &run, query)
            }
        });
        let mut until = deadline;
        let outcome = loop {
            match tokio::time::timeout_at(until.into(), &mut task).await {
                Ok(outcome) => break outcome,
                Err(_) => run.interrupt(),
            }
            until = Instant::now() + INTERRUPT_EVERY;
        };
        match outcome {
            Ok(Err(error)) if error.is_interrupt() => Err(timed_out()),
            Ok(outcome) => outcome,
            Err(panic) => Err(StoreError::Panicked { what: panic.to_string() }),
        }
    }
}

/// A query on its way, as those see it who may have to stop it.
///
/// SQLite is told in two ways: the progress handler looks at the clock, but is not asked within one long instruction
/// such as `count(*)`; an interrupt ends that one, but is forgotten between two statements.
struct Run {
    gone: AtomicBool,
    deadline: Instant,
    /// None once the connection may be another query's.
    handle: Mutex<Option<InterruptHandle>>,
}

impl Run {
    fn new(handle: InterruptHandle, deadline: Instant) -> Self {
        Self { gone: AtomicBool::new(false), deadline, handle: Mutex::new(Some(handle)) }
    }

    fn must_stop(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || Instant::now() > self.deadline
    }

    fn interrupt(&self) {
        if let Some(handle) = lock(&self.handle).as_ref() {
            handle.interrupt();
        }
    }
}

/// Ends the query of a caller that has gone.
struct Caller(Arc<Run>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Relaxed);
        self.0.interrupt();
    }
}

struct EndOnDrop<'r>(&'r Run);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        lock(&self.0.handle).take();
    }
}

fn with_deadline<T>(
    connection: &mut Connection,
    run: &Arc<Run>,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let watched = Arc::clone(run);
    connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(move || watched.must_stop()))?;
    // It may have waited for a thread, and its first statement may be one that asks no progress handler.
    let outcome = if run.must_stop() { Err(interrupted()) } else { query(connection) };
    connection.progress_handler(0, None::<fn() -> bool>)?;
    outcome
}

fn interrupted() -> StoreError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    StoreError::Sqlite(rusqlite::Error::SqliteFailure(code, None))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that goes back to the pool in any case, a panic included, and after it the permit.
struct Lease {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    /// None when the pool has been closed meanwhile.
    fn take(permit: OwnedSemaphorePermit, idle: Arc<Mutex<Vec<Connection>>>) -> Option<Self> {
        let connection = lock(&idle).pop()?;
        Some(Self { connection: Some(connection), idle, permit })
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("it is given back only by `drop`")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = lock(&self.idle);
        if !self.permit.semaphore().is_closed() {
            idle.extend(self.connection.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str =
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

    fn pool(timeout: Duration) -> ReadPool {
        let connection = Connection::open_in_memory().expect("memory");
        ReadPool::new(vec![connection], timeout, Metrics::default())
    }

    fn number(sql: &'static str) -> impl FnOnce(&Connection) -> Result<i64, StoreError> + Send {
        |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn the_connection_serves_on_after_a_timeout_a_lost_caller_and_a_panic() {
        let pool = pool(Duration::from_millis(50));
        let timed_out = pool.run(number(ENDLESS)).await;
        assert!(matches!(timed_out, Err(StoreError::Timeout { .. })), "{timed_out:?}");
        drop(tokio::time::timeout(Duration::from_millis(5), pool.run(number(ENDLESS))).await);
        let panicked = pool.run(|_| -> Result<(), StoreError> { panic!("a defect") }).await;
        assert!(matches!(panicked, Err(StoreError::Panicked { .. })), "{panicked:?}");

        assert_eq!(pool.run(number("SELECT 1")).await.expect("an answer"), 1);
    }

    #[tokio::test]
    async fn a_query_past_its_deadline_is_not_begun() {
        let begun = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&begun);
        let query = move |_: &Connection| {
            seen.store(true, Ordering::Relaxed);
            Ok(())
        };
        assert!(pool(Duration::ZERO).run(query).await.is_err());
        assert!(!begun.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_closed_pool_refuses_queries() {
        let pool = pool(Duration::from_secs(5));
        pool.close();
        let refused = pool.run(number("SELECT 1")).await;
        assert!(matches!(refused, Err(StoreError::Stopping)), "{refused:?}");
    }
}
