//! The service is killed, or its disk is full, while compressed columns get new values: no row holds an id that has no
//! value, and none that was acknowledged is lost.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use loglite_e2e::{Connection, Home, Request, config, eventually};
use mounts::Mount;
use serde_json::{Value, json};

const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT, service INTEGER NOT NULL, host INTEGER
);";
const KILLS: usize = 10;
const BATCH_ROWS: usize = 20;
const DISK_BYTES: u64 = 8 << 20;
const BALLAST_BYTES: usize = 3 << 20;
/// More than the disk takes.
const MOST_BATCHES: usize = 600;

fn compressed() -> Home {
    let keys = "compression: {enabled: true, columns: [service, host], max_values: 3000}";
    Home::new(&config::with_table(TABLE, keys))
}

/// A batch in which every other row has a value that was never there.
fn batch(number: usize) -> Value {
    let entry = |row| {
        let at = number * BATCH_ROWS + row;
        json!({"message": format!("s{at}-h{}", at % 7), "service": format!("s{at}"), "host": format!("h{}", at % 7)})
    };
    (0..BATCH_ROWS).map(entry).collect()
}

/// Posts batches until it is told to stop or the connection breaks.
struct Source {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    answered: Arc<AtomicUsize>,
    thread: JoinHandle<usize>,
}

impl Source {
    fn start(address: SocketAddr, first: usize) -> Self {
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::default());
        let answered = Arc::<AtomicUsize>::default();
        let shared = (Arc::clone(&stop), Arc::clone(&acknowledged), Arc::clone(&answered));
        let thread = std::thread::spawn(move || post(address, first, &shared));
        Self { stop, acknowledged, answered, thread }
    }

    /// What was acknowledged, and the number of the next batch.
    fn finish(self) -> (BTreeSet<String>, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let next = self.thread.join().expect("the source does not panic");
        let acknowledged = self.acknowledged.lock().expect("not poisoned").clone();
        (acknowledged, next)
    }
}

type Shared = (Arc<AtomicBool>, Arc<Mutex<BTreeSet<String>>>, Arc<AtomicUsize>);

fn post(address: SocketAddr, first: usize, (stop, acknowledged, answered): &Shared) -> usize {
    let mut connection = Connection::open(address).expect("connected");
    for number in first.. {
        let batch = batch(number);
        let request = Request::post("/logs").body(batch.to_string());
        match connection.send(&request) {
            Ok(answer) if answer.status == 200 => {
                let messages = batch.as_array().into_iter().flatten();
                let messages =
                    messages.filter_map(|entry| entry["message"].as_str().map(str::to_owned));
                acknowledged.lock().expect("not poisoned").extend(messages);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            _ => return number + 1,
        }
        if stop.load(Ordering::Relaxed) {
            return number + 1;
        }
    }
    first
}

/// Checks over HTTP that each row's values are those that its message names, and that all of `acknowledged` are there.
fn check(home: &Home, acknowledged: &BTreeSet<String>) {
    let server = home.start();
    let answer = server.get("/logs?fields=message,service,host&limit=1000000");
    assert_eq!(answer.status, 200, "{}", answer.error());
    let rows = answer.at("/result/results");
    let rows = rows.as_array().expect("rows");
    let mut stored = BTreeSet::new();
    for row in rows {
        let [message, service, host] =
            ["message", "service", "host"].map(|name| row[name].as_str());
        let message = message.expect("a message");
        assert_eq!(Some(message.to_owned()), service.zip(host).map(|(s, h)| format!("{s}-{h}")));
        assert!(stored.insert(message.to_owned()), "{message} is there twice");
    }
    assert!(acknowledged.is_subset(&stored), "acknowledged and lost");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_kill_at_any_moment_leaves_no_id_without_its_value() {
    let home = compressed();
    let (mut acknowledged, mut next) = (BTreeSet::new(), 0);
    for round in 0..KILLS {
        let server = home.start();
        let source = Source::start(server.address(), next);
        eventually("batches are stored", || {
            (source.answered.load(Ordering::Relaxed) > round * 3).then_some(())
        });
        server.kill();
        let (more, number) = source.finish();
        acknowledged.extend(more);
        next = number;
        let undecodable: i64 = home
            .database()
            .query_row(
                "SELECT count(*) FROM Log WHERE typeof(service) = 'integer' AND service NOT IN
                    (SELECT value_id FROM column_dictionary WHERE \"column\" = 'service')",
                [],
                |row| row.get(0),
            )
            .expect("a count");
        assert_eq!(undecodable, 0, "round {round}");
    }
    check(&home, &acknowledged);
}

#[test]
fn a_full_disk_leaves_no_id_without_its_value() {
    let home = compressed();
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
    let mut acknowledged = BTreeSet::new();
    let mut post = |number: usize| {
        let mut batch = batch(number);
        for entry in batch.as_array_mut().into_iter().flatten() {
            // What takes up the disk.
            entry["timestamp"] = Value::from("x".repeat(1000));
        }
        let status = server.post(batch.to_string()).status;
        if status == 200 {
            let messages = batch.as_array().into_iter().flatten();
            acknowledged
                .extend(messages.filter_map(|entry| entry["message"].as_str().map(str::to_owned)));
        }
        status
    };

    let full = (0..MOST_BATCHES).find(|number| post(*number) != 200).expect("the disk is full");
    assert_eq!(post(full), 507);
    fs::remove_file(&ballast).expect("removed");
    eventually("batches are stored again", || (post(full) == 200).then_some(()));
    assert_eq!(post(full + 1), 200);

    assert_eq!(server.stop().code, Some(0));
    check(&home, &acknowledged);
}
