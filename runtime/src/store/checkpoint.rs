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

use super::disk::free_bytes;
use super::fault::Fault;
use super::log_watch::{Copying, LogWatch, Marks};
use super::read_pool::ReadPool;
use super::writer::WriterHealth;

const INTERVAL: Duration = Duration::from_millis(500);
/// The write-ahead log is emptied once it is longer than this, or than a quarter of the free disk.
pub(super) const RESTART_BYTES: u64 = 64 << 20;
/// What comes in during a checkpoint this short is little.
const SHORT: Duration = Duration::from_millis(50);
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
    /// Follows what reading keeps from being copied.
    pub(super) watch: LogWatch,
}

impl Checkpointer {
    pub(super) fn run(mut self) {
        let page_bytes = self.page_bytes();
        let mut failing = false;
        while self.stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            self.health.longest_log.store(longest_log(&self.database), Ordering::Relaxed);
            match self.catch_up() {
                Ok(marks) => {
                    failing = false;
                    self.follow(marks, page_bytes);
                }
                Err(error) => {
                    if !failing {
                        warn!(%error, "checkpoint failed; retried until it works");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Does what a checkpoint's outcome asks for.
    fn follow(&mut self, marks: Marks, page_bytes: u64) {
        let longest = self.health.longest_log.load(Ordering::Relaxed);
        let has_grown = marks.frames != self.watch.frames();
        let copying = self.watch.see(marks);
        let is_much_left = marks.left().saturating_mul(page_bytes) > longest;
        let hold_off = is_much_left && copying != Copying::Level;
        self.health.hold_off.store(hold_off, Ordering::Relaxed);
        let bytes = file_bytes(&wal_path(&self.database));
        let is_held = copying == Copying::Blocked && bytes > longest;
        self.health.log_is_held.store(is_held, Ordering::Relaxed);
        if copying == Copying::Blocked {
            if is_held {
                self.watch.warn_of_reader(bytes);
            }
            return;
        }
        if hold_off {
            return;
        }
        if self.watch.is_free_again() {
            self.health.shrink_files.store(true, Ordering::Relaxed);
        }
        let shrink = self.health.shrink_files.load(Ordering::Relaxed);
        let is_long = has_grown && marks.frames.unsigned_abs().saturating_mul(page_bytes) > longest;
        if is_long {
            self.health.restart_log.store(true, Ordering::Relaxed);
        }
        if shrink {
            self.shrink_files();
        }
        // Where there is little room, what queries let it grow by must not take the rest.
        let times = if longest == RESTART_BYTES { FAR_TOO_LONG } else { FAR_TOO_LONG / 2 };
        if bytes >= longest.saturating_mul(times) {
            self.make_way();
        }
    }

    /// Empties the log, whereupon both files are cut. When the writer is at work, that has to do it.
    fn shrink_files(&self) {
        if restart_wal(&self.connection, Restart::Shorten) {
            self.health.shrink_files.store(false, Ordering::Relaxed);
        } else {
            self.health.restart_log.store(true, Ordering::Relaxed);
        }
    }

    /// Holds queries back for a moment when they, one after another, have kept the log from being emptied.
    fn make_way(&self) {
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

    /// Copies what no reader is in the way of, and what came in meanwhile, until there is little left, which whoever
    /// empties the log copies himself. Gives up when what comes in takes as long.
    fn catch_up(&self) -> rusqlite::Result<Marks> {
        let mut longest = Duration::MAX;
        loop {
            let begun = Instant::now();
            let marks = self.checkpoint()?;
            let took = begun.elapsed();
            if took < SHORT || took >= longest {
                return Ok(marks);
            }
            longest = took;
        }
    }

    /// Copies what no reader is in the way of when it begins.
    fn checkpoint(&self) -> rusqlite::Result<Marks> {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let marks =
            statement.query_row([], |row| Ok(Marks { frames: row.get(1)?, done: row.get(2)? }))?;
        if marks.frames != self.watch.frames() {
            debug!(?marks, "checkpoint");
        }
        Ok(marks)
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

/// Does the work again when the disk was full and emptying the log has made room.
pub(super) fn with_room<T>(
    connection: &Connection,
    mut work: impl FnMut() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    match work() {
        Err(error)
            if Fault::of(&error) == Fault::Full && restart_wal(connection, Restart::Shorten) =>
        {
            work()
        }
        outcome => outcome,
    }
}

/// How long the log may become on this disk, in bytes.
pub(super) fn longest_log(database: &Path) -> u64 {
    let free = free_bytes(database).unwrap_or(u64::MAX);
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
