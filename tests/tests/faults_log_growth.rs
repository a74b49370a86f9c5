//! Queries that overlap without end keep SQLite from emptying its write-ahead log; the service makes way for it.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use loglite_e2e::{Home, config};
use mounts::Mount;
use serde_json::{Value, json};

const DISK_BYTES: u64 = 64 << 20;
const ROWS: usize = 50_000;
/// Each is a transaction, which writes some 20 KB to the log: three times what the disk holds.
const POSTS: usize = 8_000;
const READERS: usize = 4;

#[test]
fn overlapping_queries_do_not_let_the_log_fill_the_disk() {
    let home = Home::new(&config::with("db_pool_size: 4"));
    let Ok(_disk) = Mount::small(&home.path().join("db"), DISK_BYTES) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    let rows = Value::from_iter((0..ROWS).map(|n| json!({"message": "x", "line": n})));
    server.store(&rows);
    let done = AtomicBool::new(false);

    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(server.get("/logs?message=~=nowhere").status, 200);
                }
            });
        }
        let refused = (0..POSTS)
            .map(|_| server.post(json!({"message": "a row of its own"}).to_string()))
            .find(|answer| answer.status != 200);
        done.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}
