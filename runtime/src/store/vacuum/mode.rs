//! What the file says of free pages, and making it say something else.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tracing::{info, warn};

use super::Pages;
use super::numbering::renumbering;
use super::rewrite::Rewrite;
use crate::store::checkpoint::{Restart, restart_wal};
use crate::store::fault::Fault;

/// Free pages that are returned at a time before the file's mode lets SQLite return all of them in one commit.
const PAGES_AT_ONCE: u32 = 1000;
/// Below this it is done without a word.
const MANY_BYTES: u64 = 16 << 20;

/// What becomes of pages that hold nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoVacuum {
    /// They stay in the file and are used again.
    None,
    /// Each commit returns them.
    Full,
    /// They stay until a pass returns them.
    Incremental,
}

impl AutoVacuum {
    /// What the database file says.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let code: i64 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?;
        Ok(match code {
            1 => Self::Full,
            2 => Self::Incremental,
            _ => Self::None,
        })
    }

    /// A value of `auto_vacuum` in `sqlite_params`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [(Self::None, "0"), (Self::Full, "1"), (Self::Incremental, "2")]
            .into_iter()
            .find(|(mode, code)| text == *code || text.eq_ignore_ascii_case(mode.word()))
            .map(|(mode, _)| mode)
    }

    /// As it is written in `sqlite_params`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Full => "FULL",
            Self::Incremental => "INCREMENTAL",
        }
    }
}

/// Gives the database another mode. From or to NONE an existing file takes it only through a VACUUM, which is left out
/// with a warning when there is no room for it or the rows of `log_table` would get other ids: the service works without.
pub(in crate::store) fn change_mode(
    connection: &Connection,
    after: AutoVacuum,
    log_table: &str,
) -> rusqlite::Result<()> {
    let before = AutoVacuum::of(connection)?;
    if before == after {
        return Ok(());
    }
    if before == AutoVacuum::Incremental {
        return_all_pages(connection)?;
    }
    ask_for(connection, after)?;
    if AutoVacuum::of(connection)? == after {
        return Ok(());
    }
    let (before, after) = (before.word(), after.word());
    if let Some(loss) = renumbering(connection, log_table)? {
        warn!("auto_vacuum stays {before}: {loss}; it is tried again at the next start");
        return Ok(());
    }
    let path = connection.path().unwrap_or_default().to_owned();
    let rewrite = Rewrite::plan(connection, Path::new(&path))?;
    let temporary = match rewrite.find_room() {
        Ok(directory) => directory,
        Err(shortage) => {
            warn!("auto_vacuum stays {before}: {shortage}; it is tried again at the next start");
            return Ok(());
        }
    };
    let estimate = rewrite.estimate();
    info!(before, after, %estimate, "auto_vacuum changes: rewriting the database with VACUUM");
    match rewrite.run(connection, &temporary) {
        Ok(rewritten) => {
            info!(auto_vacuum = after, "database rewritten: {rewritten}");
            Ok(())
        }
        Err(error) if matches!(Fault::of(&error), Fault::Full | Fault::Busy | Fault::Io) => {
            warn!(%error, "auto_vacuum stays {before}: the database could not be rewritten; it is tried again at the next start");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Asks SQLite for this mode, which a new file has at once and an existing one after a VACUUM.
pub(super) fn ask_for(connection: &Connection, mode: AutoVacuum) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA auto_vacuum = {}", mode.word()))
}

/// With FULL, the next commit would return what is free now, however long that takes, and write it to the log at once.
fn return_all_pages(connection: &Connection) -> rusqlite::Result<()> {
    let mut pages = Pages::of(connection)?;
    if pages.free_bytes() > MANY_BYTES {
        info!(bytes = pages.free_bytes(), "returning all free pages before auto_vacuum changes");
    }
    while pages.free > 0 {
        super::pass::return_pages(connection, PAGES_AT_ONCE, Duration::MAX)?;
        restart_wal(connection, Restart::Reuse);
        let now = Pages::of(connection)?;
        if now.free >= pages.free {
            break;
        }
        pages = now;
    }
    Ok(())
}
