//! The one read-write connection: takes what is queued, commits it as one transaction, and answers.
//!
//! Invariants: a receipt is sent after the commit, never before. Row ids rise in commit order and are never
//! reused. The writer never waits for a batch to fill.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tracing::{error, info};

use super::answers::{Answers, Publisher};
use super::checkpoint::{FAR_TOO_LONG, RESTART_BYTES, Restart, file_bytes, restart_wal, wal_path};
use super::committer::Committer;
use super::queue::{Job, Purpose, Work, WriteQueue};
use super::reserve::keep_reserve;
use super::{Delivery, Fault, WriteError};
use crate::domain::Receipt;
use crate::metrics::Metrics;

/// How much a probe writes.
const PROBE_BYTES: std::ops::RangeInclusive<usize> = (64 << 10)..=(4 << 20);

/// What one source is told.
type Outcome = Result<Receipt, WriteError>;

/// Runs on a thread of its own until the queue is closed and empty.
#[derive(Debug)]
pub(super) struct Writer {
    committer: Committer,
    queue: Arc<WriteQueue>,
    batch_rows: usize,
    publisher: Publisher,
    health: Arc<WriterHealth>,
    metrics: Metrics,
    database: PathBuf,
    wal: PathBuf,
    /// The log's length at which emptying it is tried again.
    next_restart: u64,
}

/// What others may know of the writer, and ask of it.
#[derive(Debug, Default)]
pub(super) struct WriterHealth {
    /// The newest commit failed.
    pub(super) failing: AtomicBool,
    /// How much room the newest batch that failed takes, in bytes.
    failed_bytes: AtomicUsize,
    /// How long the write-ahead log may become before it is emptied, in bytes.
    pub(super) longest_log: AtomicU64,
    /// The log has become too long, and what is in it has just been copied: little is left to do.
    pub(super) restart_log: AtomicBool,
    /// Much of the log is not copied yet, because a reader is in the way, or the checkpointer is about to: the writer
    /// would wait for it, or in vain.
    pub(super) hold_off: AtomicBool,
    /// A reader keeps a log that is too long from being emptied.
    pub(super) log_is_held: AtomicBool,
    /// The database has become smaller, and its files should.
    pub(super) shrink_files: AtomicBool,
    /// Queries are held back, so that the log can be emptied.
    pub(super) no_readers: AtomicBool,
}

/// What the writer needs to start.
pub(super) struct WriterParts {
    pub(super) committer: Committer,
    pub(super) queue: Arc<WriteQueue>,
    pub(super) batch_rows: usize,
    pub(super) publisher: Publisher,
    pub(super) health: Arc<WriterHealth>,
    pub(super) metrics: Metrics,
    pub(super) database: PathBuf,
}

impl Writer {
    /// Prepares to write.
    pub(super) fn new(parts: WriterParts) -> Self {
        Self {
            committer: parts.committer,
            queue: parts.queue,
            batch_rows: parts.batch_rows,
            publisher: parts.publisher,
            health: parts.health,
            metrics: parts.metrics,
            wal: wal_path(&parts.database),
            database: parts.database,
            next_restart: 0,
        }
    }

    /// Writes until the queue is closed and empty, then closes the connection.
    pub(super) fn run(mut self) {
        let mut jobs = Vec::new();
        while let Some(work) = self.queue.take(self.batch_rows, &mut jobs) {
            match work {
                Work::Jobs => self.commit(&mut jobs),
                Work::Chore(chore) => chore.run(&self.committer.connection),
            }
            self.bound_log();
        }
        info!(newest = self.committer.newest().0, "writer drained");
    }

    /// Starts the write-ahead log anew when it has become too long and the checkpointer has copied most of it. Far too
    /// long, or on a small disk, it does not wait for the checkpointer, unless that gets on with much that is left to
    /// copy; when a reader is in the way, it tries again once the log has grown.
    fn bound_log(&mut self) {
        let longest = self.health.longest_log.load(Ordering::Relaxed);
        let no_readers = self.health.no_readers.load(Ordering::Relaxed);
        let has_room = longest == RESTART_BYTES;
        if self.health.restart_log.swap(false, Ordering::Relaxed) && !no_readers {
            let shrink = self.health.shrink_files.load(Ordering::Relaxed);
            let restart = if has_room && !shrink { Restart::Reuse } else { Restart::Shorten };
            if restart_wal(&self.committer.connection, restart) && shrink {
                self.health.shrink_files.store(false, Ordering::Relaxed);
            }
        }
        let bytes = file_bytes(&self.wal);
        let far_too_long = if has_room { longest * FAR_TOO_LONG } else { longest };
        let hold_off = has_room && self.health.hold_off.load(Ordering::Relaxed);
        if bytes < far_too_long || hold_off {
            self.next_restart = 0;
        } else if bytes >= self.next_restart || no_readers {
            let restarted = restart_wal(&self.committer.connection, Restart::Shorten);
            self.next_restart = if restarted { 0 } else { bytes + longest / 4 };
            self.health.no_readers.store(false, Ordering::Relaxed);
        }
    }

    fn commit(&mut self, jobs: &mut Vec<Job>) {
        let begun = Instant::now();
        self.committer.trim();
        let deliveries: Vec<_> = jobs.iter().map(|job| &*job.delivery).collect();
        let mut outcome = self.write(jobs, &deliveries);
        if outcome.as_ref().is_err_and(|cause| Fault::of(cause) == Fault::Full)
            && restart_wal(&self.committer.connection, Restart::Shorten)
        {
            outcome = self.write(jobs, &deliveries);
        }
        match outcome {
            Ok(receipts) => self.succeed(jobs, receipts.into_iter().map(Ok).collect(), begun),
            // Rows are refused where they are inserted; what is checked only at the commit has no row's name on it.
            Err(cause) if Fault::of(&cause) == Fault::Constraint => {
                let outcomes = deliveries.into_iter().map(|one| self.write_apart(one)).collect();
                self.succeed(jobs, outcomes, begun);
            }
            Err(cause) => self.fail(jobs, &cause, begun),
        }
    }

    /// One transaction. Only where nothing else shows whether the storage works, a probe writes something itself.
    fn write(&mut self, jobs: &[Job], deliveries: &[&Delivery]) -> rusqlite::Result<Vec<Receipt>> {
        if self.health.log_is_held.load(Ordering::Relaxed) {
            let bytes: usize = deliveries.iter().map(|delivery| delivery.written_bytes()).sum();
            keep_reserve(&self.committer.connection, &self.database, bytes as u64)?;
        }
        if jobs.iter().all(|job| job.purpose == Purpose::Probe) {
            self.committer.probe(self.health.failed_bytes.load(Ordering::Relaxed))?;
        }
        self.committer.write(deliveries, Vec::new())
    }

    fn write_apart(&mut self, delivery: &Delivery) -> Outcome {
        self.committer.write_apart(delivery).map_err(|cause| {
            error!(error = %cause, rows = delivery.rows.len(), "rows not stored; their source is told");
            WriteError::from(&cause)
        })
    }

    fn succeed(&self, jobs: &mut Vec<Job>, outcomes: Vec<Outcome>, begun: Instant) {
        self.metrics.batches_committed.inc();
        let is_some_stored = outcomes.iter().any(Result::is_ok);
        if is_some_stored && self.health.failing.swap(false, Ordering::Relaxed) {
            info!("batches are stored again");
        }
        for (job, outcome) in jobs.iter().zip(&outcomes) {
            match outcome {
                Ok(receipt) => {
                    self.metrics.entries_stored.inc_by(receipt.stored as u64);
                    self.metrics.entries_refused.inc_by(receipt.refused.len() as u64);
                }
                Err(_) => {
                    self.metrics.entries_failed.inc_by(job.delivery.rows.len() as u64);
                }
            }
        }
        let jobs = jobs.drain(..).zip(outcomes).collect();
        self.publisher.publish(Answers { jobs, newest: self.committer.newest(), begun });
    }

    fn fail(&self, jobs: &mut Vec<Job>, cause: &rusqlite::Error, begun: Instant) {
        let failure = WriteError::from(cause);
        let rows: usize = jobs.iter().map(|job| job.delivery.rows.len()).sum();
        let bytes: usize = jobs.iter().map(|job| job.delivery.written_bytes()).sum();
        if bytes > 0 {
            // In pages, with indexes, rows take up more than packed.
            let bytes = bytes.saturating_mul(2).clamp(*PROBE_BYTES.start(), *PROBE_BYTES.end());
            self.health.failed_bytes.store(bytes, Ordering::Relaxed);
        }
        // Once per outage: the health flag is still clear when it begins.
        if !self.health.failing.swap(true, Ordering::Relaxed) {
            error!(error = %failure, rows, "batch not stored; its sources are told");
        }
        self.metrics.batches_failed.inc();
        self.metrics.entries_failed.inc_by(rows as u64);
        let jobs = jobs.drain(..).map(|job| (job, Err(failure.clone()))).collect();
        self.publisher.publish(Answers { jobs, newest: self.committer.newest(), begun });
    }
}
