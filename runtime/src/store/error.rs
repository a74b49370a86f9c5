//! What can go wrong with the database, each with the thing it concerns and the way out.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Error as SqliteError;

use super::CompressionError;
use super::bad_filter::BadFilter;
use super::fault::Fault;
use super::vacuum::{Renumbering, Shortage};

/// A database problem. What SQLite said is part of the text, as rusqlite's error has a source that says it again.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database file can't be opened or made.
    #[error(
        "cannot open the database {}: {cause}; check that its directory exists and that this user \
         may read and write it",
        path.display()
    )]
    Open {
        /// The database file.
        path: PathBuf,
        /// SQLite's reason.
        cause: SqliteError,
    },
    /// A file or directory of the database can't be used.
    #[error("cannot use {}; check its permissions, or point `sqlite_dir` elsewhere", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// There is no database file yet.
    #[error(
        "there is no database at {}; `loglite migrate rollout` makes it, or point `sqlite_dir` to it",
        path.display()
    )]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error(
        "{} is not an SQLite database; move it away, or point `sqlite_dir` elsewhere",
        path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "the database {path} is damaged: {detail}; restore a copy of it, or move it away and save what \
         is readable with `sqlite3 {path} .recover`",
        path = path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The database can only be read.
    #[error(
        "{} can't be written; make the database file and its directory writable for this user, or point \
         `sqlite_dir` elsewhere",
        path.display()
    )]
    ReadOnly {
        /// The file or directory that refuses.
        path: PathBuf,
    },
    /// Another loglite has the database.
    #[error(
        "the database in {} is in use by another loglite{}; stop it first, or give this one another `sqlite_dir`",
        directory.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The database's directory.
        directory: PathBuf,
        /// The other process, if it is known.
        pid: Option<u32>,
    },
    /// An older loglite has cut the database into files by time.
    #[error(
        "the entries of {} are in partition files beside it ({interval}), which this version can't read; keep using \
         the older loglite for it, or point `sqlite_dir` elsewhere",
        path.display()
    )]
    Partitioned {
        /// The database file, which has no entries itself.
        path: PathBuf,
        /// The time that one file covers, by its name in the config.
        interval: String,
    },
    /// The linked SQLite has a bug that can corrupt databases.
    #[error(
        "loglite is linked to SQLite {found}, which can corrupt a database in WAL mode; build it with SQLite 3.51.3 or newer"
    )]
    SqliteTooOld {
        /// Its version.
        found: &'static str,
    },
    /// A PRAGMA that this SQLite does not know.
    #[error("unknown PRAGMA `{name}` in `sqlite_params`{}", did_you_mean(nearest.as_deref()))]
    UnknownPragma {
        /// Its name.
        name: String,
        /// A known one that is spelt alike.
        nearest: Option<String>,
    },
    /// A PRAGMA whose value is none of its words.
    #[error(
        "`{value}` is no value of the PRAGMA `{name}` in `sqlite_params`; expected one of {expected}"
    )]
    PragmaValue {
        /// The PRAGMA.
        name: String,
        /// The value.
        value: String,
        /// The words it takes.
        expected: String,
    },
    /// A PRAGMA that SQLite refused.
    #[error("SQLite refuses `PRAGMA {name}={value}`: {cause}; correct it in `sqlite_params`")]
    Pragma {
        /// The PRAGMA.
        name: String,
        /// The value.
        value: String,
        /// SQLite's reason.
        cause: SqliteError,
    },
    /// The log table does not exist.
    #[error(
        "the database has no table `{table}`; apply the migrations with `loglite migrate rollout`, or set \
         `auto_rollout: true`; `log_table_name` names the table"
    )]
    TableMissing {
        /// The configured name.
        table: String,
    },
    /// The log table is a view, a virtual table or the like.
    #[error(
        "`{table}` is a {kind}, but entries can only be written to an ordinary table; set `log_table_name`"
    )]
    NotATable {
        /// The configured name.
        table: String,
        /// What it is.
        kind: String,
    },
    /// The log table has no row ids.
    #[error(
        "the table `{table}` is WITHOUT ROWID; paging and live tails need rising row ids, so create it without \
         that clause"
    )]
    WithoutRowid {
        /// The table.
        table: String,
    },
    /// All names of the row id are taken by columns.
    #[error(
        "the columns `rowid`, `_rowid_` and `oid` of `{table}` hide its row id; rename one of them or add an \
         INTEGER PRIMARY KEY"
    )]
    RowIdHidden {
        /// The table.
        table: String,
    },
    /// The timestamp column does not exist.
    #[error(
        "the table `{table}` has no column `{column}`, which `log_timestamp_field` names; it has: {}",
        known.join(", ")
    )]
    TimestampMissing {
        /// The configured name.
        column: String,
        /// The table.
        table: String,
        /// Its columns.
        known: Vec<String>,
    },
    /// A column that loglite is to fill does not exist or can't be written.
    #[error(
        "`{key}` names `{column}`, but entries can't set such a column of `{table}`; they can set: {}",
        known.join(", ")
    )]
    UnwritableColumn {
        /// The key of the configuration.
        key: &'static str,
        /// The configured name.
        column: String,
        /// The table.
        table: String,
        /// Its columns that entries can set.
        known: Vec<String>,
    },
    /// A column that can't be compressed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A filter that does not fit the log table.
    #[error(transparent)]
    Filter(#[from] BadFilter),
    /// A migration that the config does not have.
    #[error(
        "the config has no migration {version}; it has: {}",
        known.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    )]
    UnknownMigration {
        /// The version that was asked for.
        version: i64,
        /// The versions of the config.
        known: Vec<i64>,
    },
    /// A migration that is not applied can't be rolled back.
    #[error(
        "migration {version} is not applied, so there is nothing to roll back; see `loglite migrate status`"
    )]
    NotApplied {
        /// The version.
        version: i64,
    },
    /// A migration without rollback statements.
    #[error(
        "migration {version} has no `rollback` statements in the config, so it can't be rolled back"
    )]
    NoRollback {
        /// The version.
        version: i64,
    },
    /// A statement of a migration failed. The cause is part of the text, so that it stands before the statement.
    #[error(
        "migration {version} failed and nothing of it was kept: {cause}\n  in statement {position}: {statement}"
    )]
    Migration {
        /// The version.
        version: i64,
        /// The statement's number within the migration, from 1.
        position: usize,
        /// Its text.
        statement: String,
        /// What SQLite said.
        cause: SqliteError,
    },
    /// A statement of a migration that would break its transaction.
    #[error(
        "migration {version} was not applied: `{keyword}` can't run in it, because a migration is one transaction; \
         {way_out}\n  in statement {position}: {statement}"
    )]
    MigrationStatement {
        /// The version.
        version: i64,
        /// The statement's number within the migration, from 1.
        position: usize,
        /// Its text.
        statement: String,
        /// The word that is not possible.
        keyword: String,
        /// What to do instead.
        way_out: &'static str,
    },
    /// A query took longer than `query_timeout_ms`.
    #[error(
        "the query was interrupted after {} ms; narrow it with a filter on an indexed column, or raise `query_timeout_ms`",
        after.as_millis()
    )]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// The database is closed.
    #[error("the service is stopping")]
    Stopping,
    /// A query ended in a defect of loglite.
    #[error("the query failed in an unexpected way: {what}")]
    Panicked {
        /// The panic.
        what: String,
    },
    /// The disk of the database is full.
    #[error("there is no space left for the database {}; free some on its disk", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// The disk has too little room for a VACUUM.
    #[error(transparent)]
    NoRoom(#[from] Shortage),
    /// Rows of the log table would get other ids by a VACUUM.
    #[error(transparent)]
    Renumbering(#[from] Renumbering),
    /// Another program holds a lock on the database.
    #[error(
        "the database {} is locked by another program; stop that program, or wait until it is done",
        path.display()
    )]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// A row's value is not in the dictionary.
    #[error(transparent)]
    LostValue(#[from] super::LostValue),
    /// Any other error of SQLite.
    #[error("{0}")]
    Sqlite(SqliteError),
}

impl StoreError {
    /// The fault behind this error, if SQLite reported it.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Open { cause, .. }
            | Self::Pragma { cause, .. }
            | Self::Migration { cause, .. }
            | Self::Sqlite(cause) => Some(Fault::of(cause)),
            Self::Full { .. } => Some(Fault::Full),
            Self::Locked { .. } => Some(Fault::Busy),
            Self::Corrupt { .. } | Self::NotADatabase { .. } => Some(Fault::Corrupt),
            Self::ReadOnly { .. } => Some(Fault::ReadOnly),
            _ => None,
        }
    }

    /// Whether the query was interrupted, by its deadline or because nobody waits for it any more.
    #[must_use]
    pub fn is_interrupt(&self) -> bool {
        self.fault() == Some(Fault::Interrupted)
    }

    /// Whether the way out is to correct the configuration.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Partitioned { .. }
                | Self::UnknownPragma { .. }
                | Self::PragmaValue { .. }
                | Self::Pragma { .. }
                | Self::NotATable { .. }
                | Self::TimestampMissing { .. }
                | Self::UnwritableColumn { .. }
                | Self::Compression(_)
                | Self::Filter(_)
                | Self::UnknownMigration { .. }
                | Self::NoRollback { .. }
                | Self::MigrationStatement { .. }
        )
    }
}

impl From<SqliteError> for StoreError {
    fn from(cause: SqliteError) -> Self {
        Self::Sqlite(cause)
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `PRAGMA pragma_list` lists the known ones".to_owned(),
        |name| format!("; did you mean `{name}`?"),
    )
}
