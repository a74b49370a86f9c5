//! Moves committed pages from the write-ahead log into the database, without stalling commits.
//!
//! A thread with a connection of its own runs PASSIVE checkpoints, which wait for nobody. They alone never
//! let the log start anew while commits keep coming, so past a mark the writer is asked to restart it between
//! two batches: by then only the newest few pages are left to copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;
use tracing::{debug, warn};

use super::writer::WriterHealth;

const INTERVAL: Duration = Duration::from_millis(500);
/// The write-ahead log is started anew once it is longer than this.
const RESTART_BYTES: u64 = 64 << 20;

/// Checkpoints until its stop channel closes.
pub(super) struct Checkpointer {
    pub(super) connection: Connection,
    pub(super) database: PathBuf,
    pub(super) health: Arc<WriterHealth>,
    pub(super) stop: Receiver<()>,
}

impl Checkpointer {
    pub(super) fn run(self) {
        let wal = wal_path(&self.database);
        let mut seen = 0;
        let mut failing = false;
        while self.stop.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
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
            if frames != seen && file_bytes(&wal) > RESTART_BYTES {
                self.health.restart_wal.store(true, Ordering::Relaxed);
            }
            seen = frames;
        }
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

/// Copies what is left of the log and lets the next commit start it anew. Waits for no reader.
pub(super) fn restart_wal(connection: &Connection) {
    let restart = || -> rusqlite::Result<bool> {
        connection.busy_timeout(Duration::ZERO)?;
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0))?;
        connection.busy_timeout(super::BUSY_TIMEOUT)?;
        Ok(busy == 0)
    };
    match restart() {
        Ok(restarted) => debug!(restarted, "write-ahead log"),
        Err(error) => warn!(%error, "the write-ahead log could not be started anew"),
    }
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
