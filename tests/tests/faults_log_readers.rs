//! Other programs keep the write-ahead log from being emptied: it grows, that is told, and it shrinks when they are gone.

#[expect(dead_code, reason = "shared with the tests of faults")]
mod load;
#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;
#[expect(dead_code, reason = "shared with the tests of vacuum")]
mod pages;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use loglite_e2e::{Home, Request, Server, config, eventually};
use mounts::Mount;
use pages::{delete_half, fill_half, length, log_length, metric, with_mode};
use rusqlite::Connection as Database;
use serde_json::{Value, json};

const MB: u64 = 1 << 20;
const WARNING: &str = "another program keeps a transaction open";
/// Past so much the log is too long on a large disk.
const LONG_LOG: u64 = 64 * MB;

/// Another program that reads, and does not stop reading.
fn hold_snapshot(home: &Home) -> Database {
    let reader = home.database();
    reader.execute_batch("BEGIN").expect("begun");
    reader.query_row("SELECT count(*) FROM Log", [], |_| Ok(())).expect("read");
    reader
}

/// Some 1 MB of entries.
fn megabyte() -> String {
    let text = "x".repeat(10_000);
    Value::from_iter((0..100).map(|line| json!({"message": text, "line": line}))).to_string()
}

#[test]
fn a_log_that_another_program_holds_grows_and_shrinks_when_it_lets_go() {
    let home = Home::new(&config::with("query_timeout_ms: 500"));
    let server = home.start();
    server.store(&json!({"message": "first"}));
    let reader = hold_snapshot(&home);
    let body = megabyte();

    eventually("the log is too long, while entries are stored", || {
        assert_eq!(server.post(body.clone()).status, 200);
        (log_length(&home) > LONG_LOG).then_some(())
    });
    eventually("it is told", || server.process().stderr().contains(WARNING).then_some(()));
    assert_eq!(server.post(body).status, 200);
    assert_eq!(server.get("/logs?limit=1").status, 200);
    drop(reader);

    // Nothing more is stored meanwhile.
    eventually("the log is short", || (log_length(&home) == 0).then_some(()));
    let log = server.stop().stderr;
    assert_eq!(log.matches(WARNING).count(), 1, "{log}");
    assert!(log.contains("no other program keeps the write-ahead log"), "{log}");
}

#[test]
fn a_log_that_fills_the_disk_is_told_and_emptied_when_its_reader_is_gone() {
    let home = Home::new(&config::with("query_timeout_ms: 500"));
    let Ok(_disk) = Mount::small(&home.path().join("db"), 16 * MB) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    server.store(&json!({"message": "first"}));
    let reader = hold_snapshot(&home);
    let entry = json!({"message": "x".repeat(20_000)}).to_string();

    let full = eventually("the disk is full", || {
        Some(server.post(entry.clone())).filter(|answer| answer.status != 200)
    });

    assert_eq!(full.status, 507, "{full:?}");
    eventually("it is told", || server.process().stderr().contains(WARNING).then_some(()));
    assert_eq!(server.get("/logs?limit=1").status, 200);
    drop(reader);
    eventually("the log is short", || (log_length(&home) < MB).then_some(()));
    eventually("entries are stored", || (server.post(entry.clone()).status == 200).then_some(()));
}

/// Asks for all rows again and again, as a stream or as a search, until told to stop.
fn read_on(server: &Server, path: &str, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let answer = server.send(&Request::get(path));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[test]
fn the_log_stays_short_under_ingest_deletion_vacuum_queries_and_exports() {
    let keys = "db_pool_size: 4\ntask_vacuum_interval: 0.1\ntask_vacuum_max_size: 1";
    let home = Home::new(&with_mode("INCREMENTAL", keys));
    let disk = 96 * MB;
    let Ok(_disk) = Mount::small(&home.path().join("db"), disk) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    fill_half(&home, 9_000);
    let server = home.start();
    let (done, longest) = (AtomicBool::new(false), AtomicU64::new(0));
    let room = disk - length(&home.database_path());

    thread::scope(|scope| {
        for path in ["/logs?message=~=nowhere", "/logs?message=~=nothing", "/logs?format=csv"] {
            scope.spawn(|| read_on(&server, path, &done));
        }
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                longest.fetch_max(log_length(&home), Ordering::Relaxed);
                thread::yield_now();
            }
        });
        let refused = (0..6_000)
            .inspect(|n| {
                if n % 1_000 == 500 {
                    delete_half(&home.database());
                }
            })
            .map(|n| server.post(json!({"message": "x".repeat(500), "line": n}).to_string()))
            .find(|answer| answer.status != 200);
        done.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });

    // A third, and what is written until the queries under way are over.
    let longest = longest.into_inner();
    assert!(longest < room / 2, "{longest} of {room}");
    assert!(metric(&server, "loglite_vacuum_bytes_total") > MB);
}
