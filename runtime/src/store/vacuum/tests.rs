//! Passes and rewriting on real files.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::pass::{Step, Vacuum, return_pages};
use super::{AutoVacuum, Pages, rewrite_database};
use crate::config::{DatabaseConfig, Pragma};
use crate::metrics::Metrics;
use crate::store::writer::WriterHealth;
use crate::store::{DatabaseLock, StoreError, open_writer};

/// Rows of about 1 KB; every second one is deleted.
const HALF_FREE: &str = "CREATE TABLE Log (a INTEGER PRIMARY KEY, b);
    WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 4000)
    INSERT INTO Log SELECT x, hex(randomblob(500)) FROM n;
    DELETE FROM Log WHERE a % 100 < 50;";

struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn config(&self, mode: &str) -> DatabaseConfig {
        let pragma = Pragma { name: "auto_vacuum".into(), value: mode.into() };
        DatabaseConfig {
            sqlite_dir: self.directory.path().to_owned(),
            sqlite_params: vec![pragma],
            ..DatabaseConfig::default()
        }
    }

    fn open(&self, mode: &str) -> Connection {
        open_writer(&self.config(mode)).expect("opened")
    }

    fn half_free(&self, mode: &str) -> Connection {
        let connection = self.open(mode);
        connection.execute_batch(HALF_FREE).expect("filled");
        connection
    }
}

fn pass(vacuum: &mut Vacuum, connection: &Connection) -> u64 {
    let step = |pages| Ok::<_, Infallible>(Step::run(connection, pages).expect("a step"));
    vacuum.pass(step).unwrap_or_else(|never| match never {})
}

fn verdict(connection: &Connection) -> String {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked")
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).expect("the file is there").len()
}

#[test]
fn a_pass_returns_no_more_than_its_limit_and_passes_return_all() {
    let fixture = Fixture::new();
    let connection = fixture.half_free("INCREMENTAL");
    let before = Pages::of(&connection).expect("pages");
    assert!(before.free > 400, "{before:?}");
    let (health, metrics) = (Arc::<WriterHealth>::default(), Metrics::default());
    let mut vacuum = Vacuum::new(&health, &metrics, 1 << 20);

    let first = pass(&mut vacuum, &connection);

    assert_eq!(first, 1 << 20);
    assert!(health.shrink_files.load(Ordering::Relaxed));
    let mut passes = 1;
    while pass(&mut vacuum, &connection) > 0 && passes < 100 {
        passes += 1;
    }
    let after = Pages::of(&connection).expect("pages");
    assert_eq!((after.free, metrics.free_bytes.get()), (0, 0));
    assert_eq!(metrics.vacuum_bytes.get(), (before.all - after.all) * before.bytes_each);
    assert_eq!(verdict(&connection), "ok");
}

#[test]
fn pages_that_are_slow_to_move_are_returned_one_by_one() {
    let fixture = Fixture::new();
    let connection = fixture.half_free("INCREMENTAL");
    let free = || Pages::of(&connection).expect("pages").free;
    let before = free();

    for returned in 1..=3 {
        return_pages(&connection, 100, Duration::ZERO).expect("returned");
        assert_eq!(free(), before - returned);
    }

    return_pages(&connection, 100, Duration::MAX).expect("returned");
    assert_eq!(free(), before - 103);
    assert_eq!(verdict(&connection), "ok");
}

#[test]
fn a_pass_leaves_files_alone_that_do_not_ask_for_it() {
    for mode in ["NONE", "FULL"] {
        let fixture = Fixture::new();
        let connection = fixture.half_free(mode);
        let health = Arc::default();
        let mut vacuum = Vacuum::new(&health, &Metrics::default(), 1 << 20);
        assert_eq!(pass(&mut vacuum, &connection), 0, "{mode}");
        assert!(!health.shrink_files.load(Ordering::Relaxed));
    }
}

#[test]
fn with_full_each_commit_returns_what_it_frees() {
    let fixture = Fixture::new();
    let connection = fixture.half_free("FULL");
    assert_eq!(Pages::of(&connection).expect("pages").free, 0);
}

#[test]
fn free_pages_are_returned_before_commits_may_return_them_all_at_once() {
    let fixture = Fixture::new();
    drop(fixture.half_free("INCREMENTAL"));

    let connection = fixture.open("FULL");

    assert_eq!(AutoVacuum::of(&connection).expect("a mode"), AutoVacuum::Full);
    assert_eq!(Pages::of(&connection).expect("pages").free, 0);
    assert_eq!(verdict(&connection), "ok");
}

#[test]
fn a_changed_mode_rewrites_the_file_and_cuts_its_log() {
    for (before, after) in [("NONE", AutoVacuum::Incremental), ("FULL", AutoVacuum::None)] {
        let fixture = Fixture::new();
        drop(fixture.half_free(before));
        let path = fixture.config(before).path();

        let connection = fixture.open(after.word());

        assert_eq!(AutoVacuum::of(&connection).expect("a mode"), after);
        let pages = Pages::of(&connection).expect("pages");
        assert_eq!((pages.free, length(&path)), (0, pages.all * pages.bytes_each));
        assert_eq!(length(&path.with_extension("db-wal")), 0);
        assert_eq!(verdict(&connection), "ok");
    }
}

#[test]
fn a_rewritten_database_is_as_small_as_it_can_be_and_has_the_configured_mode() {
    let fixture = Fixture::new();
    drop(fixture.half_free("NONE"));

    let rewritten = rewrite_database(&fixture.config("INCREMENTAL")).expect("rewritten");

    assert!(rewritten.after < rewritten.before * 6 / 10, "{rewritten:?}");
    let connection = fixture.open("INCREMENTAL");
    assert_eq!(AutoVacuum::of(&connection).expect("a mode"), AutoVacuum::Incremental);
}

#[test]
fn the_database_of_a_running_service_is_not_rewritten() {
    let fixture = Fixture::new();
    drop(fixture.half_free("NONE"));
    let _lock = DatabaseLock::acquire(fixture.directory.path()).expect("free");
    let refused = rewrite_database(&fixture.config("NONE")).expect_err("in use");
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
}

#[test]
fn no_row_of_the_log_table_gets_another_id() {
    let fixture = Fixture::new();
    let connection = fixture.open("NONE");
    let keyless = HALF_FREE.replace(" INTEGER PRIMARY KEY", "");
    connection.execute_batch(&keyless).expect("filled");
    drop(connection);

    let refused = rewrite_database(&fixture.config("NONE")).expect_err("refused");
    assert!(matches!(refused, StoreError::Renumbering(_)), "{refused}");
    let connection = fixture.open("INCREMENTAL");

    assert_eq!(AutoVacuum::of(&connection).expect("a mode"), AutoVacuum::None);
    let moved = "SELECT count(*) FROM Log WHERE rowid <> a";
    let moved: i64 = connection.query_row(moved, [], |row| row.get(0)).expect("counted");
    assert_eq!(moved, 0);
    connection.execute_batch("CREATE INDEX i ON Log (a)").expect("indexed");
    drop(connection);
    let connection = fixture.open("INCREMENTAL");
    assert_eq!(AutoVacuum::of(&connection).expect("a mode"), AutoVacuum::Incremental);
}
