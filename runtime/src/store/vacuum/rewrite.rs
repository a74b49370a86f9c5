//! VACUUM: the whole database written anew, with what it takes, how long, and how far it is.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::{info, warn};

use super::mode::ask_for;
use super::numbering::renumbering;
use super::room::{Shortage, find_room};
use super::{AutoVacuum, Pages};
use crate::config::DatabaseConfig;
use crate::store::checkpoint::{Restart, file_bytes, restart_wal};
use crate::store::connection::open_for_rewrite;
use crate::store::{DatabaseLock, StoreError};

/// Between two lines that say how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(3);
/// In bytes.
const MEGABYTE: f64 = (1 << 20) as f64;
/// How often each byte is written: to the temporary copy, to the log, and from there to the file.
const WRITES: u64 = 3;
/// However fast the disk, SQLite needs its time to copy: bytes it writes per second.
const FASTEST: f64 = 300.0 * (1 << 20) as f64;
/// What the disk's speed is measured with.
const PROBE_BYTES: usize = 16 << 20;
/// A database up to this size is rewritten before the measurement was worth it.
const SMALL: u64 = 64 << 20;

/// A VACUUM about to run.
#[derive(Debug)]
pub(super) struct Rewrite {
    database: PathBuf,
    /// What is copied.
    used: u64,
    /// What the journal may hold meanwhile: the copy in WAL mode, else the pages that are overwritten.
    journal: u64,
    before: u64,
}

/// How long a VACUUM is expected to take.
#[derive(Debug)]
pub(super) struct Estimate(Duration);

/// What a VACUUM has done.
#[derive(Debug, Clone, Copy)]
pub struct Rewritten {
    /// The size of the file before, in bytes.
    pub before: u64,
    /// The size of the file now, in bytes.
    pub after: u64,
    /// How long it took.
    pub took: Duration,
}

/// Writes the database of no running service anew, so that it takes no more disk than it needs, and gives it the
/// `auto_vacuum` that is configured. Blocks.
///
/// # Errors
/// [`StoreError::InUse`] beside a running service, [`StoreError::NoRoom`] where the disk is too small,
/// [`StoreError::Renumbering`] where rows of the log table would get other ids, else what keeps the
/// database from being written. It is then as it was.
pub fn rewrite_database(config: &DatabaseConfig) -> Result<Rewritten, StoreError> {
    let path = config.path();
    if !path.exists() {
        return Err(StoreError::Absent { path });
    }
    let _lock = DatabaseLock::acquire(&config.sqlite_dir)?;
    let connection = open_for_rewrite(config)?;
    let located = |source| StoreError::at(&path, source);
    if let Some(loss) = renumbering(&connection, &config.log_table_name).map_err(located)? {
        return Err(loss.into());
    }
    if let Some(mode) = configured(config) {
        ask_for(&connection, mode).map_err(located)?;
    }
    let rewrite = Rewrite::plan(&connection, &path).map_err(located)?;
    let temporary = rewrite.find_room()?;
    info!(estimate = %rewrite.estimate(), "rewriting the database with VACUUM");
    rewrite.run(&connection, &temporary).map_err(located)
}

/// The mode that `sqlite_params` names.
fn configured(config: &DatabaseConfig) -> Option<AutoVacuum> {
    let named = |name: &str| name.eq_ignore_ascii_case("auto_vacuum");
    let pragma = config.sqlite_params.iter().rev().find(|pragma| named(&pragma.name))?;
    AutoVacuum::parse(&pragma.value)
}

impl Rewrite {
    /// Looks at the database. The log is emptied before: what an interrupted VACUUM left there would take the room.
    pub(super) fn plan(connection: &Connection, database: &Path) -> rusqlite::Result<Self> {
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let is_wal = mode.eq_ignore_ascii_case("wal");
        if is_wal {
            restart_wal(connection, Restart::Shorten);
        }
        let pages = Pages::of(connection)?;
        let used = pages.used_bytes();
        let journal = if is_wal { used } else { pages.all * pages.bytes_each };
        Ok(Self { database: database.to_owned(), used, journal, before: file_bytes(database) })
    }

    /// Finds a directory for the temporary copy; refuses what the disk has no room for.
    pub(super) fn find_room(&self) -> Result<PathBuf, Shortage> {
        find_room(&self.database, self.used, self.journal)
    }

    /// How long it will take, by a short measurement of the disk.
    pub(super) fn estimate(&self) -> Estimate {
        let directory = self.database.parent().filter(|_| self.used > SMALL);
        let rate = directory.and_then(write_rate).unwrap_or(FASTEST).min(FASTEST);
        Estimate(Duration::from_secs_f64((self.used * WRITES) as f64 / rate))
    }

    /// Rewrites, with the copy in this directory. Failed or interrupted, the database is as it was.
    pub(super) fn run(
        &self,
        connection: &Connection,
        temporary: &Path,
    ) -> rusqlite::Result<Rewritten> {
        let begun = Instant::now();
        let result = with_reports(self.used * WRITES, || {
            set_temporary_directory(connection, temporary);
            // In memory, as the configuration may have it, the copy would take as much of that.
            connection.execute_batch("PRAGMA temp_store = FILE; VACUUM")
        });
        set_temporary_directory(connection, Path::new(""));
        // All of it is in the log now, or half of it, if it failed.
        if !restart_wal(connection, Restart::Shorten) {
            info!("the file shrinks once no other program reads the database");
        }
        result?;
        let after = file_bytes(&self.database);
        Ok(Rewritten { before: self.before, after, took: begun.elapsed() })
    }
}

/// Where SQLite puts its temporary files; with an empty path, where it likes.
fn set_temporary_directory(connection: &Connection, directory: &Path) {
    let directory = directory.to_string_lossy().replace('\'', "''");
    let sql = format!("PRAGMA temp_store_directory = '{directory}'");
    if let Err(error) = connection.execute_batch(&sql) {
        warn!(%error, directory, "SQLite puts its temporary copy elsewhere");
    }
}

/// Bytes per second that this disk takes; none where it takes none.
fn write_rate(directory: &Path) -> Option<f64> {
    let mut file = tempfile::tempfile_in(directory).ok()?;
    let chunk = vec![0x5A; PROBE_BYTES];
    let begun = Instant::now();
    file.write_all(&chunk).ok()?;
    file.sync_data().ok()?;
    Some(PROBE_BYTES as f64 / begun.elapsed().as_secs_f64().max(f64::EPSILON))
}

/// Logs how far the work is while it goes on, by the bytes that this process has written.
fn with_reports<T>(expected: u64, work: impl FnOnce() -> T) -> T {
    let (end, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || report(expected, &ended));
        let result = work();
        drop::<mpsc::Sender<()>>(end);
        result
    })
}

fn report(expected: u64, ended: &Receiver<()>) {
    let (begun, at_first) = (Instant::now(), written_bytes());
    while ended.recv_timeout(REPORT_EVERY) == Err(RecvTimeoutError::Timeout) {
        let seconds = begun.elapsed().as_secs();
        let done = at_first.zip(written_bytes()).map(|(first, now)| now.saturating_sub(first));
        match done {
            // The estimate of what is to be written is a little low: indexes are sorted on the way.
            Some(done) if expected > 0 => {
                let percent = (done.saturating_mul(100) / expected).min(99);
                info!("rewriting the database: {percent} % after {seconds} s");
            }
            _ => info!("rewriting the database since {seconds} s"),
        }
    }
}

/// What this process has written so far, where the system tells.
fn written_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar:"))?.trim().parse().ok()
}

impl fmt::Display for Estimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64().ceil() {
            seconds if seconds < 120.0 => write!(formatter, "about {seconds} s"),
            seconds => write!(formatter, "about {} min", (seconds / 60.0).ceil()),
        }
    }
}

impl fmt::Display for Rewritten {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = [self.before, self.after].map(|bytes| bytes as f64 / MEGABYTE);
        let seconds = self.took.as_secs_f64();
        write!(formatter, "{before:.1} MB before, {after:.1} MB now, in {seconds:.1} s")
    }
}
