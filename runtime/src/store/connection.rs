//! Opening the database: one connection that writes, some that read.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::contains::add_contains;
use super::dictionary::add_functions;
use super::{BUSY_TIMEOUT, StoreError, health, pragma};
use crate::config::DatabaseConfig;

/// Up to the version before this one, SQLite can corrupt a database when it starts a write-ahead log anew.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Refuses an SQLite that can corrupt databases.
///
/// # Errors
/// [`StoreError::SqliteTooOld`].
fn check_linked_sqlite() -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::SqliteTooOld { found: rusqlite::version() });
    }
    Ok(())
}

/// Opens the database for writing and sets its PRAGMAs. Makes the directory and the file if they are missing.
///
/// Blocks: small files are checked page by page, and a changed `auto_vacuum` rewrites the file. The caller holds
/// the [`DatabaseLock`](super::DatabaseLock).
///
/// # Errors
/// A [`StoreError`] that names the file and the way out when it is not a database, damaged, read-only or locked, or the
/// PRAGMA that SQLite does not accept.
pub fn open_writer(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    check_linked_sqlite()?;
    let path = config.path();
    fs::create_dir_all(&config.sqlite_dir)
        .map_err(|source| StoreError::file(&config.sqlite_dir, source))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open_checked(&path, flags)?;
    pragma::set_up_writer(&connection, &config.sqlite_params, &config.log_table_name)
        .map_err(|error| error.located(&config.path()))?;
    health::check_writable(&connection, &path)?;
    Ok(connection)
}

/// Opens the database that [`open_writer`] has just opened once more, for checkpoints: the file is checked and
/// set up already.
///
/// # Errors
/// As [`open_writer`].
pub(super) fn open_checkpointer(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    let connection = open(&config.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    pragma::set_up_unchanging(&connection, &config.sqlite_params)
        .map_err(|error| error.located(&config.path()))?;
    Ok(connection)
}

/// Opens the existing database for small writes, also beside a running service: the file is left as it is set up.
///
/// # Errors
/// [`StoreError::Absent`] when there is none, else as [`open_writer`].
pub fn open_beside(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    check_linked_sqlite()?;
    if !config.path().exists() {
        return Err(StoreError::Absent { path: config.path() });
    }
    let connection = open_checkpointer(config)?;
    health::check_writable(&connection, &config.path())?;
    refuse_partitions(&connection, &config.path())?;
    Ok(connection)
}

/// Opens the existing database of no running service, to rewrite all of it. The caller holds the
/// [`DatabaseLock`](super::DatabaseLock).
pub(super) fn open_for_rewrite(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    check_linked_sqlite()?;
    let path = config.path();
    let connection = open_checked(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    pragma::set_up_unchanging(&connection, &config.sqlite_params)
        .map_err(|error| error.located(&path))?;
    health::check_writable(&connection, &path)?;
    Ok(connection)
}

/// Opens the existing database for reading only.
///
/// # Errors
/// [`StoreError::Absent`] when there is none, [`StoreError::Open`] when it can't be read, or the PRAGMA that SQLite does
/// not accept.
pub fn open_reader(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    if !config.path().exists() {
        return Err(StoreError::Absent { path: config.path() });
    }
    let connection = open(&config.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // Reading in WAL mode takes a file that readers share: where it can't be made, the first look fails.
    health::check_schema(&connection, &config.path())?;
    pragma::set_up_reader(&connection, &config.sqlite_params)
        .map_err(|error| error.located(&config.path()))?;
    Ok(connection)
}

/// Opens the database to try something that will be rolled back: leaves the file as it is, and where there is none,
/// uses one in memory.
///
/// # Errors
/// As [`open_writer`].
pub fn open_trial(config: &DatabaseConfig) -> Result<Connection, StoreError> {
    check_linked_sqlite()?;
    let path = config.path();
    let connection = if path.exists() {
        open_checked(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?
    } else {
        Connection::open_in_memory()?
    };
    pragma::set_up_unchanging(&connection, &config.sqlite_params)
        .map_err(|error| error.located(&config.path()))?;
    Ok(connection)
}

fn open_checked(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    health::check_file(path)?;
    let connection = open(path, flags)?;
    health::check_contents(&connection, path)?;
    refuse_partitions(&connection, path)?;
    Ok(connection)
}

/// An older loglite may have put the entries into other files: without them, the log would look empty and ids would
/// begin anew.
pub(super) fn refuse_partitions(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let located = |source| StoreError::at(path, source);
    if !connection.table_exists(None, "partition_state").map_err(located)? {
        return Ok(());
    }
    let sql = "SELECT interval FROM partition_state WHERE interval <> 'none'";
    let interval = connection.query_row(sql, [], |row| row.get(0)).optional().map_err(located)?;
    interval
        .map_or(Ok(()), |interval| Err(StoreError::Partitioned { path: path.to_owned(), interval }))
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    // No URI flag: a directory named `file:…` is a directory.
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|source| StoreError::at(path, source))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| StoreError::at(path, source))?;
    // Retention and commands find rows by filters, too.
    add_contains(&connection)?;
    add_functions(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;
    use crate::config::Pragma;

    fn config(directory: &Path, params: &[(&str, &str)]) -> DatabaseConfig {
        DatabaseConfig {
            sqlite_dir: directory.to_owned(),
            sqlite_params: params
                .iter()
                .map(|(name, value)| Pragma { name: (*name).into(), value: (*value).into() })
                .collect(),
            log_table_name: "Log".into(),
            log_timestamp_field: "timestamp".into(),
            auto_rollout: false,
            db_pool_size: 1,
            query_timeout: Duration::from_secs(1),
        }
    }

    fn directory() -> TempDir {
        tempfile::tempdir().expect("a directory")
    }

    fn filled(directory: &Path) -> DatabaseConfig {
        let config = config(directory, &[]);
        let connection = open_writer(&config).expect("opened");
        connection
            .execute_batch(
                "CREATE TABLE Log (a, b); CREATE INDEX i ON Log (b);
                 WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000)
                 INSERT INTO Log SELECT x, hex(randomblob(20)) FROM n;",
            )
            .expect("filled");
        config
    }

    fn answer(connection: &Connection, sql: &str) -> String {
        connection
            .query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
            .map(|value| format!("{value:?}"))
            .expect("an answer")
    }

    #[test]
    fn a_new_database_is_made_in_wal_mode() {
        let directory = directory();
        let connection = open_writer(&config(&directory.path().join("new/db"), &[])).expect("made");
        assert_eq!(answer(&connection, "PRAGMA journal_mode"), "Text(\"wal\")");
    }

    #[test]
    fn a_new_database_takes_its_auto_vacuum_and_page_size() {
        let directory = directory();
        let params =
            [("journal_mode", "WAL"), ("page_size", "8192"), ("auto_vacuum", "INCREMENTAL")];
        let connection = open_writer(&config(directory.path(), &params)).expect("made");
        connection.execute_batch("CREATE TABLE t (a)").expect("created");
        assert_eq!(answer(&connection, "PRAGMA auto_vacuum"), "Integer(2)");
        assert_eq!(answer(&connection, "PRAGMA page_size"), "Integer(8192)");
    }

    #[test]
    fn an_existing_database_is_rewritten_for_another_auto_vacuum() {
        let directory = directory();
        filled(directory.path());
        drop(open_writer(&config(directory.path(), &[("auto_vacuum", "FULL")])).expect("opened"));

        let connection = open_writer(&config(directory.path(), &[])).expect("opened again");
        assert_eq!(answer(&connection, "PRAGMA auto_vacuum"), "Integer(1)");
        assert_eq!(answer(&connection, "SELECT count(*) FROM Log"), "Integer(5000)");
    }

    #[test]
    fn a_reader_can_not_write() {
        let directory = directory();
        let reader = open_reader(&filled(directory.path())).expect("opened");
        assert_eq!(answer(&reader, "SELECT count(*) FROM Log"), "Integer(5000)");
        assert!(reader.execute_batch("DELETE FROM Log").is_err());
    }

    #[test]
    fn a_text_file_is_no_database() {
        let directory = directory();
        let config = config(directory.path(), &[]);
        for text in ["short", "a longer text ".repeat(50).as_str()] {
            fs::write(config.path(), text).expect("written");
            let error = open_writer(&config).expect_err("no database");
            assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
        }
    }

    #[test]
    fn a_truncated_file_is_damaged() {
        let directory = directory();
        let config = filled(directory.path());
        let file = fs::OpenOptions::new().write(true).open(config.path()).expect("opened");
        file.set_len(20_000).expect("cut");
        let error = open_writer(&config).expect_err("damaged");
        assert!(error.to_string().contains("20000 of "), "{error}");
    }

    #[test]
    fn overwritten_pages_are_damage() {
        let directory = directory();
        let config = filled(directory.path());
        let mut bytes = fs::read(config.path()).expect("read");
        bytes.iter_mut().skip(8192).take(40_000).for_each(|byte| *byte = 0x5a);
        fs::write(config.path(), bytes).expect("written");
        let error = open_writer(&config).expect_err("damaged");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }

    #[test]
    fn rows_that_break_a_constraint_are_no_damage() {
        let directory = directory();
        let config = config(directory.path(), &[]);
        let connection = open_writer(&config).expect("opened");
        connection
            .execute_batch(
                "CREATE TABLE Log (a CHECK (a > 0)); PRAGMA ignore_check_constraints = ON;
                 INSERT INTO Log VALUES (-1)",
            )
            .expect("filled");
        drop(connection);
        open_writer(&config).expect("sound");
    }

    #[test]
    fn a_database_whose_entries_are_in_partition_files_is_left_alone() {
        let directory = directory();
        let config = filled(directory.path());
        let connection = open_writer(&config).expect("opened");
        connection
            .execute_batch(
                "CREATE TABLE partition_state (id INTEGER PRIMARY KEY, interval TEXT NOT NULL);
                 INSERT INTO partition_state VALUES (1, 'daily')",
            )
            .expect("as an older loglite leaves it");
        drop(connection);

        for error in [open_writer(&config).map(drop), open_trial(&config).map(drop)] {
            let error = error.expect_err("partitioned");
            assert!(error.to_string().contains("partition files beside it (daily)"), "{error}");
            assert!(error.is_configuration());
        }
    }

    #[test]
    fn a_trial_leaves_no_file() {
        let directory = directory();
        let config = config(&directory.path().join("db"), &[("auto_vacuum", "FULL")]);
        drop(open_trial(&config).expect("opened"));
        assert!(!config.sqlite_dir.exists());
    }
}
