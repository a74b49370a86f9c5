//! The disk fills up under the service: it says so, lives, loses nothing acknowledged, and goes on when there is
//! space again.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use loglite_e2e::{Home, Response, Server, config, eventually};
use mounts::Mount;
use rusqlite::Connection as Database;
use serde_json::{Value, json};

const DISK_BYTES: u64 = 8 << 20;
const BALLAST_BYTES: usize = 3 << 20;
/// More than any of the disks here takes.
const MOST_BATCHES: usize = 300;
const BATCH_ROWS: usize = 50;

/// Posts batches, and knows what was acknowledged.
struct Source {
    text: String,
    next: usize,
    acknowledged: BTreeSet<i64>,
}

impl Source {
    fn new() -> Self {
        Self { text: "x".repeat(1000), next: 0, acknowledged: BTreeSet::new() }
    }

    fn post(&mut self, server: &Server) -> Response {
        let lines = self.next..self.next + BATCH_ROWS;
        self.next = lines.end;
        let entry = |line| json!({"message": self.text, "line": line});
        let answer = server.post(Value::from_iter(lines.clone().map(entry)).to_string());
        if answer.status == 200 {
            assert_eq!(answer.at("/result/stored"), BATCH_ROWS, "{answer:?}");
            self.acknowledged.extend(lines.filter_map(|line| i64::try_from(line).ok()));
        }
        answer
    }

    /// Posts until the disk is full; returns the answer that says so.
    fn fill(&mut self, server: &Server) -> Response {
        for _ in 0..MOST_BATCHES {
            let answer = self.post(server);
            if answer.status != 200 {
                return answer;
            }
        }
        panic!("{MOST_BATCHES} batches did not fill the disk")
    }

    fn check(&self, database: &Database) {
        let verdict: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("the database can be checked");
        assert_eq!(verdict, "ok");
        let mut statement = database.prepare("SELECT line FROM Log").expect("the table is there");
        let lines: Vec<i64> = statement
            .query_map([], |row| row.get(0))
            .and_then(Iterator::collect)
            .expect("the table can be read");
        let stored: BTreeSet<_> = lines.iter().copied().collect();
        assert_eq!(lines.len(), stored.len(), "stored twice");
        assert!(self.acknowledged.is_subset(&stored), "acknowledged and lost");
    }
}

/// The common configuration with this in the place of its `synchronous`.
fn with_pragma(pragma: &str) -> String {
    config::with("").replace("synchronous: NORMAL", pragma)
}

fn assert_says_that_the_disk_is_full(answer: &Response) {
    assert_eq!(answer.status, 507, "{answer:?}");
    assert!(answer.error().contains("the disk is full"), "{answer:?}");
    assert_eq!(answer.header("Retry-After"), Some("1"));
    assert_eq!(answer.at("/result/stored"), 0);
    assert_eq!(answer.at("/result/refused").as_array().map(Vec::len), Some(BATCH_ROWS));
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
fn a_full_disk_is_told_and_nothing_acknowledged_is_lost() {
    let home = Home::new(&with_pragma("synchronous: FULL"));
    let directory = home.path().join("db");
    let _disk = match Mount::small(&directory, DISK_BYTES) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("not tested on a real disk, as none can be mounted here: {reason}");
            return;
        }
    };
    let ballast = directory.join("ballast");
    fs::write(&ballast, vec![0; BALLAST_BYTES]).expect("there is space");
    let server = home.start();
    let mut source = Source::new();

    assert_says_that_the_disk_is_full(&source.fill(&server));

    // It lives: it answers queries, and knows that it is not well.
    let total = server.get("/logs?limit=1").at("/result/total");
    assert!(
        total.as_u64().is_some_and(|total| total >= source.acknowledged.len() as u64),
        "{total}"
    );
    let health = eventually("the service says that it is not well", || {
        Some(server.get("/health")).filter(|health| health.status == 503)
    });
    assert!(health.error().contains("the disk is full"), "{health:?}");
    source.check(&home.database());

    fs::remove_file(&ballast).expect("the ballast can be thrown off");

    eventually("entries are stored again", || (source.post(&server).status == 200).then_some(()));
    assert_eq!(server.get("/health").status, 200);
    source.check(&home.database());
    assert_eq!(server.stop().code, Some(0));
    source.check(&home.database());
}

#[test]
fn a_small_disk_is_filled_by_rows_and_not_by_the_write_ahead_log() {
    let home = Home::new(&config::with(""));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, DISK_BYTES) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    let mut posted = 0;
    // A transaction per row: each writes some pages to the log, which are mostly the same ones.
    while posted < 3_000
        && server.post(json!({"message": "a row of its own"}).to_string()).status == 200
    {
        posted += 1;
    }
    assert_eq!(posted, 3_000, "the disk is full of something else");
    let log = fs::metadata(directory.join("logs.db-wal")).expect("there is a log").len();
    assert!(log < DISK_BYTES / 2, "{log}");
}

#[test]
fn a_full_disk_at_the_end_keeps_what_was_acknowledged() {
    let home = Home::new(&config::with(""));
    let Ok(_disk) = Mount::small(&home.path().join("db"), DISK_BYTES) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    let mut source = Source::new();
    source.fill(&server);
    assert_eq!(server.stop().code, Some(0));
    source.check(&home.database());
}

#[test]
fn ids_stay_unique_when_others_write_before_a_full_disk() {
    let home = Home::new(&config::with(""));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, DISK_BYTES) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    server.store(&json!({"message": "first"}));
    let insert = "INSERT INTO Log (id, message) VALUES (5000, 'of another program')";
    home.database().execute(insert, []).expect("another program can write");
    let ballast = directory.join("ballast");
    fill_up(&ballast);
    let mut source = Source::new();
    assert_says_that_the_disk_is_full(&source.fill(&server));

    fs::remove_file(&ballast).expect("the ballast can be thrown off");

    let answer = eventually("entries are stored again", || {
        Some(server.post(json!({"message": "last"}).to_string()))
            .filter(|answer| answer.status != 507)
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        server.get("/logs?message==last").column("id").iter().all(|id| id.as_i64() > Some(5000))
    );
}

#[test]
fn a_database_at_its_size_limit_is_full_until_rows_are_deleted() {
    let home = Home::new(&with_pragma(
        "synchronous: NORMAL
  max_page_count: 500",
    ));
    let server = home.start();
    let mut source = Source::new();

    assert_says_that_the_disk_is_full(&source.fill(&server));

    assert_eq!(server.get("/health").status, 503);
    source.check(&home.database());
    let kept = "DELETE FROM Log WHERE line < 200";
    home.database().execute(kept, []).expect("another program can write");
    source.acknowledged.retain(|line| *line >= 200);

    assert_eq!(source.post(&server).status, 200);
    assert_eq!(server.get("/health").status, 200);
    source.check(&home.database());
}
