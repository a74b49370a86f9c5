//! Retention goes on through kills, full disks, long readers and wrong clocks, and loses nothing that is young.

mod aged;
mod load;
#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::fs;
use std::path::{Path, PathBuf};

use aged::{
    KEYS, LONG_AGO, OLD, YOUNG, ago, deleted, entries, messages, until_left, until_passed,
    until_told,
};
use load::{Posted, Posters};
use loglite_e2e::{Home, Server, config, eventually};
use mounts::Mount;
use serde_json::json;

const KILLS: usize = 10;
const OLD_ROWS: usize = 40_000;
const DISK_BYTES: u64 = 24 << 20;
/// What memory may grow by, whatever the number of rows.
const MORE_MEMORY: u64 = 64 << 20;

/// Puts rows into the table that are too old, as another program would.
fn insert_old(home: &Home, rows: usize) {
    let sql = "WITH RECURSIVE n (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM n WHERE at < ?1)
        INSERT INTO Log (timestamp, service, message) SELECT ?2, 'old', 'a message of a common length ' || at FROM n";
    let row = (i64::try_from(rows).unwrap_or(0), ago(OLD, "%Y-%m-%dT%H:%M:%fZ"));
    home.database().execute(sql, row).expect("another program can write");
}

fn old_rows(home: &Home) -> i64 {
    let sql = "SELECT count(*) FROM Log WHERE service = 'old'";
    home.database().query_row(sql, [], |row| row.get(0)).expect("the table can be read")
}

/// A service whose table begins with many old rows, and its home.
fn begin(keys: &str) -> Home {
    let home = Home::new(&config::with("task_vacuum_interval: 3600"));
    assert_eq!(home.start().stop().code, Some(0));
    home.write_config(&config::with(keys));
    home
}

#[test]
fn kills_at_any_moment_lose_and_double_nothing_and_it_goes_on() {
    let home = begin(KEYS);
    insert_old(&home, 4 * OLD_ROWS);
    let mut posted = Posted::default();
    for round in 0..KILLS {
        let before = old_rows(&home);
        assert!(before > 0, "all are gone after {round} rounds");
        let server = home.start();
        let posters = Posters::start(server.address(), &format!("round {round}"), 2);
        eventually("rows go", || (old_rows(&home) < before).then_some(()));
        eventually("rows come", || (posters.acknowledged() > 50).then_some(()));
        server.kill();
        posted.merge(posters.finish());
    }

    let server = home.start();

    eventually("all old rows are gone", || (old_rows(&home) == 0).then_some(()));
    assert_eq!(server.stop().code, Some(0));
    posted.check(&home.database());
}

/// Takes what is left of the disk.
fn fill_up(ballast: &Path) {
    use std::io::Write;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).expect("opened");
    for size in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn deleting_on_a_full_disk_makes_room_for_entries() {
    let home = Home::new(&config::with("task_vacuum_interval: 3600"));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, DISK_BYTES) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    assert_eq!(home.start().stop().code, Some(0));
    home.write_config(&config::with("vacuum_max_days: 10\ntask_vacuum_interval: 1"));
    insert_old(&home, 2 * OLD_ROWS);
    let length = || fs::metadata(home.database_path()).expect("there is a database").len();
    let before = length();
    let server = home.start();
    let text = "x".repeat(1000);
    let batch: serde_json::Value =
        (0..50).map(|_| json!({"message": text, "service": "young"})).collect();
    // The write-ahead log has some length, and is in the database, when the disk is full of something else.
    (0..10).for_each(|_| server.store(&batch));
    let mut stored = 500;
    eventually("a checkpoint", || (length() > before + 400_000).then_some(()));

    fill_up(&directory.join("ballast"));
    assert!(old_rows(&home) > 0, "all old rows went before the disk was full");

    eventually("old rows are gone", || (old_rows(&home) == 0).then_some(()));
    let before = stored;
    eventually("entries are stored", || {
        stored += if server.post(batch.to_string()).status == 200 { 50 } else { 0 };
        (stored > before).then_some(())
    });
    assert_eq!(messages(&home).len(), stored);
    let verdict: String = home
        .database()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the database can be checked");
    assert_eq!(verdict, "ok");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_reader_of_another_program_does_not_stop_it() {
    let home = begin(KEYS);
    insert_old(&home, OLD_ROWS);
    let reader = home.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM Log").expect("a snapshot");
    let server = home.start();
    let memory = server.process().memory_bytes();
    let posters = Posters::start(server.address(), "beside", 2);

    eventually("old rows are gone", || (old_rows(&home) == 0).then_some(()));

    let posted = posters.finish();
    let sql = "SELECT count(*) FROM Log WHERE service = 'old'";
    let seen: i64 = reader.query_row(sql, [], |row| row.get(0)).expect("readable");
    assert_eq!(seen, OLD_ROWS as i64, "the reader's snapshot stays as it was");
    let more = server.process().memory_bytes().saturating_sub(memory);
    assert!(more < MORE_MEMORY, "{more} bytes more");
    drop(reader);
    assert_eq!(server.stop().code, Some(0));
    posted.check(&home.database());
}

/// The library that sets a process's clock, where it is installed.
fn faketime() -> Option<PathBuf> {
    let of_architecture = fs::read_dir("/usr/lib").ok()?.flatten();
    let mut paths =
        of_architecture.map(|directory| directory.path().join("faketime/libfaketimeMT.so.1"));
    paths.find(|path| path.is_file())
}

/// A service whose clock follows a file, which this sets.
struct Clocked {
    home: Home,
    server: Server,
}

impl Clocked {
    /// None where libfaketime is not installed (Debian: faketime).
    fn start() -> Option<Self> {
        let library = faketime()?;
        let home = Home::new(&config::with(KEYS));
        let file = home.path().join("clock");
        set_clock(&home, "+0");
        let server = home
            .launch(&["serve", "-c", "config.yaml"])
            .env("LD_PRELOAD", &library.to_string_lossy())
            .env("FAKETIME_TIMESTAMP_FILE", &file.to_string_lossy())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .serve();
        Some(Self { home, server })
    }
}

fn set_clock(home: &Home, offset: &str) {
    let (file, next) = (home.path().join("clock"), home.path().join("clock.next"));
    fs::write(&next, offset).and_then(|()| fs::rename(next, file)).expect("writable");
}

#[test]
fn a_clock_that_is_set_back_a_day_deletes_less_and_goes_on() {
    let Some(Clocked { home, server }) = Clocked::start() else {
        eprintln!("not tested, as libfaketime is not installed");
        return;
    };
    server.store(&entries(YOUNG, &["young"]));
    until_passed(&server);

    set_clock(&home, "-1d");

    server.store(&entries(OLD, &["old, and young by this clock"]));
    server.store(&entries(LONG_AGO, &["older"]));
    until_left(&server, &["young", "old, and young by this clock"]);
    assert_eq!(server.stop().code, Some(0));
    let server = home.start();
    until_left(&server, &["young"]);
}

#[test]
fn a_clock_that_jumps_ahead_deletes_nothing_until_it_is_right_again() {
    let Some(Clocked { home, server }) = Clocked::start() else {
        eprintln!("not tested, as libfaketime is not installed");
        return;
    };
    server.store(&entries(YOUNG, &["young"]));
    until_passed(&server);
    let before = deleted(&server, "age");

    set_clock(&home, "+30d");

    until_told(&server, "the clock may be wrong");
    server.store(&entries(OLD, &["old"]));
    assert_eq!(messages(&home), ["young", "old"]);
    assert_eq!(deleted(&server, "age"), before);
    set_clock(&home, "+0");
    until_left(&server, &["young"]);
}
