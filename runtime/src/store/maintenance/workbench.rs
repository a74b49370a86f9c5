//! What maintenance works with: a connection to read, the writer's help to write, time, and the word that the service stops.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::pace::Pace;
use crate::metrics::Metrics;
use crate::store::queue::WriteQueue;
use crate::store::reserve::keep_reserve;
use crate::store::writer::WriterHealth;

/// Why a step ended before its work was done.
#[derive(Debug)]
pub(super) enum Halt {
    /// The service stops.
    Stopping,
    /// The database can't be read or written.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Halt {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Failed(cause)
    }
}

/// Whether a step has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is nothing left to do for now.
    Done,
    /// Its time was over before.
    More,
}

impl Progress {
    /// Whether both have come to their end.
    pub(super) fn and(self, other: Self) -> Self {
        if self == Self::More { self } else { other }
    }
}

/// What a [`Workbench`] is made of.
pub(super) struct WorkbenchParts {
    pub(super) reader: Connection,
    pub(super) queue: Arc<WriteQueue>,
    pub(super) stop: Receiver<()>,
    pub(super) health: Arc<WriterHealth>,
    pub(super) metrics: Metrics,
}

/// Reads on a connection of its own and writes by chores.
pub(super) struct Workbench {
    reader: Connection,
    queue: Arc<WriteQueue>,
    stop: Receiver<()>,
    health: Arc<WriterHealth>,
    metrics: Metrics,
    pace: Pace,
    /// When the step under way should end.
    deadline: Instant,
}

impl Workbench {
    pub(super) fn new(parts: WorkbenchParts) -> Self {
        Self {
            reader: parts.reader,
            queue: parts.queue,
            stop: parts.stop,
            health: parts.health,
            pace: Pace::new(parts.metrics.clone()),
            metrics: parts.metrics,
            deadline: Instant::now(),
        }
    }

    /// The connection to read on. No statement may stay open over a chore, and none should take longer than a moment: a
    /// snapshot keeps the write-ahead log from being emptied.
    pub(super) fn reader(&self) -> &Connection {
        &self.reader
    }

    /// Where it is counted what is deleted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Gives the step that begins this much time.
    pub(super) fn begin(&mut self, budget: Duration) {
        self.deadline = Instant::now() + budget;
    }

    /// Whether the step's time is over.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Has short work done on the writer's connection, waits for its end, and then as long as keeps the writer free for
    /// those who wait for it.
    ///
    /// # Errors
    /// [`Halt`]; what the work has not committed is rolled back.
    pub(super) fn chore<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Halt> {
        let log_is_held = self.health.log_is_held.load(Ordering::Relaxed);
        let timed = move |connection: &Connection| {
            let begun = Instant::now();
            if log_is_held {
                keep_reserve(connection, Path::new(connection.path().unwrap_or_default()), 0)?;
            }
            work(connection).map(|value| (value, begun.elapsed()))
        };
        let outcome = self.queue.push_chore(timed).map_err(|_| Halt::Stopping)?;
        let (value, took) = outcome.blocking_recv().map_err(|_| Halt::Stopping)??;
        let rest = self.pace.rest(took);
        self.pause(rest)?;
        Ok(value)
    }

    /// Waits.
    ///
    /// # Errors
    /// [`Halt::Stopping`] as soon as the service stops.
    pub(super) fn pause(&self, time: Duration) -> Result<(), Halt> {
        match self.stop.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(Halt::Stopping),
        }
    }

    /// Whether chores take more of the writer's time than they usually may.
    pub(super) fn hurry(&mut self, is_behind: bool) {
        self.pace.hurry(is_behind);
    }
}
