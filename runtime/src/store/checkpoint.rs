//! Moves committed pages from the write-ahead log into the database, without stalling commits.
//!
//! A thread with a connection of its own runs PASSIVE checkpoints, which wait for nobody. They alone never let the
//! log start anew while commits keep coming, so past a mark the writer empties it between two batches: by then only
//! the newest pages are left to copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::{debug, warn};

use super::read_pool::ReadPool;
use super::writer::WriterHealth;

const INTERVAL: Duration = Duration::from_millis(500);
/// The write-ahead log is emptied once it is longer than this, or than a quarter of the free disk.
pub(super) const RESTART_BYTES: u64 = 64 << 20;
/// SQLite's default page size, for when it can't be asked.
const SQLITE_PAGE_BYTES: u64 = 4096;
/// However full the disk, a log this short is left alone.
const SHORT_LOG_BYTES: u64 = 1 << 20;
/// A log this many times longer than it should be is far too long: the writer no longer waits for the checkpointer, and
/// queries, which one after another have kept it from being emptied, are held back.
pub(super) const FAR_TOO_LONG: u64 = 4;
/// How long the writer has to empty the log while queries are held back. When it has nothing to commit, it is not needed.
const PAUSE: Duration = Duration::from_millis(100);

/// Checkpoints until its stop channel closes.
pub(super) struct Checkpointer {
    pub(super) connection: Connection,
    pub(super) database: PathBuf,
    pub(super) health: Arc<WriterHealth>,
    pub(super) stop: Receiver<()>,
    pub(super) readers: [Arc<ReadPool>; 2],
    pub(super) runtime: tokio::runtime::Handle,
}

impl Checkpointer {
    pub(super) fn run(self) {
        let page_bytes = self.page_bytes();
        let mut seen = 0;
        let mut failing = false;
        while self.stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            self.health.longest_log.store(longest_log(&self.database), Ordering::Relaxed);
            let frames = match self.checkpoint(seen) {
                Ok(frames) => frames,
                Err(error) => {
                    if !failing {
                        warn!(%error, "checkpoint failed; retried until it works");
                    }
                    failing = true;
                    continue;
                }
            };
            failing = false;
            let longest = self.health.longest_log.load(Ordering::Relaxed);
            if frames != seen && frames.unsigned_abs().saturating_mul(page_bytes) > longest {
                self.health.restart_log.store(true, Ordering::Relaxed);
            }
            seen = frames;
            self.make_way();
        }
    }

    /// Holds queries back for a moment when they, one after another, have kept the log from being emptied.
    fn make_way(&self) {
        let longest = self.health.longest_log.load(Ordering::Relaxed);
        if file_bytes(&wal_path(&self.database)) < longest.saturating_mul(FAR_TOO_LONG) {
            return;
        }
        let [queries, tails] = &self.readers;
        let _held_back =
            self.runtime.block_on(async { (queries.pause().await, tails.pause().await) });
        self.health.no_readers.store(true, Ordering::Relaxed);
        let until = Instant::now() + PAUSE;
        while self.health.no_readers.load(Ordering::Relaxed) && Instant::now() < until {
            let moment = Duration::from_millis(1);
            if self.stop.recv_timeout(moment) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
        if self.health.no_readers.swap(false, Ordering::Relaxed) {
            restart_wal(&self.connection, Restart::Shorten);
        }
    }

    fn page_bytes(&self) -> u64 {
        let size = self.connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0));
        size.map_or(SQLITE_PAGE_BYTES, i64::unsigned_abs)
    }

    /// Frames in the log after the checkpoint; the same number as before means nothing was written.
    fn checkpoint(&self, seen: i64) -> rusqlite::Result<i64> {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let (frames, done): (i64, i64) =
            statement.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
        if frames != seen {
            debug!(frames, done, "checkpoint");
        }
        Ok(frames)
    }
}

/// What becomes of the log's file when its content is in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    /// It is written anew from its beginning: the fastest, as its blocks stay allocated.
    Reuse,
    /// It is cut: on a disk with little room the log's own size may be what is missing.
    Shorten,
}

/// Copies what is left of the log into the database, so that it starts anew. Waits for no reader. Returns whether it
/// worked.
pub(super) fn restart_wal(connection: &Connection, restart: Restart) -> bool {
    let sql = match restart {
        Restart::Reuse => "PRAGMA wal_checkpoint(RESTART)",
        Restart::Shorten => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let restart = || -> rusqlite::Result<bool> {
        connection.busy_timeout(Duration::ZERO)?;
        let busy: rusqlite::Result<i64> = connection.query_row(sql, [], |row| row.get(0));
        connection.busy_timeout(super::BUSY_TIMEOUT)?;
        Ok(busy? == 0)
    };
    match restart() {
        Ok(restarted) => {
            debug!(restarted, "write-ahead log");
            restarted
        }
        Err(error) => {
            debug!(%error, "the write-ahead log could not be started anew");
            false
        }
    }
}

/// How long the log may become on this disk, in bytes.
pub(super) fn longest_log(database: &Path) -> u64 {
    let free = rustix::fs::statvfs(database)
        .map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    (free / 4).clamp(SHORT_LOG_BYTES, RESTART_BYTES)
}

/// Copies the whole log into the database and empties it, at the end.
pub(super) fn final_checkpoint(connection: &Connection) {
    let result =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    if let Err(error) = result {
        warn!(%error, "final checkpoint failed; the next start reads the write-ahead log");
    }
}

/// Where SQLite keeps the write-ahead log of a database.
pub(super) fn wal_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// The length of a file; 0 when there is none.
pub(super) fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}
