//! The columns of a table are recoded while things go wrong: each row stays there once, with the value that was sent.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use loglite_e2e::{Connection, Home, Process, Request, Server, config, eventually};
use mounts::Mount;
use serde_json::{Value, json};

const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp DATETIME NOT NULL DEFAULT '2026-01-01', n INTEGER NOT NULL, service INTEGER
);
CREATE INDEX idx_timestamp ON Log (timestamp);
CREATE INDEX idx_service ON Log (service);";

const LISTED: &str = "compression:\n  enabled: true\n  columns: [service]";
const OLD_ROWS: i64 = 70_000;
const KILLS: usize = 10;
const DISK_BYTES: u64 = 16 << 20;
const ROOM_BYTES: u64 = 300 << 10;

/// The value of the entry with this number: all are such that a column of numbers keeps them as they are.
fn service(n: i64) -> Value {
    match n % 6 {
        0 => Value::Null,
        1 => json!(n % 100),
        2 => json!(format!("service-{}", n % 20)),
        3 => json!(f64::from(i32::try_from(n % 10).expect("small")) + 0.5),
        4 => json!(-n % 3),
        _ => json!(format!("{{\"n\":{}}}", n % 30)),
    }
}

fn keys(is_listed: bool) -> String {
    config::with_table(TABLE, if is_listed { LISTED } else { "" })
}

/// A database with old rows, stored as they are.
fn filled(rows: i64) -> Home {
    let home = Home::new(&keys(false));
    assert_eq!(home.start().stop().code, Some(0));
    let mut database = home.database();
    let transaction = database.transaction().expect("free");
    for n in 0..rows {
        let sql = "INSERT INTO Log (n, service) VALUES (?1, ?2 ->> '$')";
        let mut statement = transaction.prepare_cached(sql).expect("a statement");
        statement.execute((n, service(n).to_string())).expect("inserted");
    }
    transaction.commit().expect("committed");
    home
}

/// Posts entries, also over ends of the service, and knows which were acknowledged.
struct Poster {
    stop: Arc<AtomicBool>,
    address: Arc<Mutex<SocketAddr>>,
    thread: JoinHandle<Vec<i64>>,
}

impl Poster {
    fn start(server: &Server, first: i64) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let address = Arc::new(Mutex::new(server.address()));
        let thread = {
            let (stop, address) = (Arc::clone(&stop), Arc::clone(&address));
            std::thread::spawn(move || post(&stop, &address, first))
        };
        Self { stop, address, thread }
    }

    fn go_on_at(&self, server: &Server) {
        *self.address.lock().expect("no panic") = server.address();
    }

    fn finish(self) -> Vec<i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no failure")
    }
}

fn post(stop: &AtomicBool, address: &Mutex<SocketAddr>, first: i64) -> Vec<i64> {
    let (mut acknowledged, mut next) = (Vec::new(), first);
    while !stop.load(Ordering::Relaxed) {
        let address = *address.lock().expect("no panic");
        let Ok(mut connection) = Connection::open(address) else {
            std::thread::yield_now();
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            let numbers: Vec<i64> = (next..next + 20).collect();
            next += 20;
            let entries = numbers.iter().map(|n| json!({"n": n, "service": service(*n)}));
            let body = Value::from_iter(entries).to_string();
            let Ok(answer) = connection.send(&Request::post("/logs").body(body)) else { break };
            match answer.status {
                200 => acknowledged.extend(numbers),
                status => assert!(matches!(status, 429 | 503 | 507), "{answer:?}"),
            }
        }
    }
    acknowledged
}

/// How many cells there are of each form.
fn forms(home: &Home) -> Option<BTreeMap<String, i64>> {
    let database = home.database();
    let mut statement = database
        .prepare("SELECT typeof(service), count(*) FROM Log WHERE n < 1000000 GROUP BY 1")
        .ok()?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// Kills the command once it has changed some more rows. False when it was done before.
fn kill_under_way(home: &Home, command: &str, rows: i64) -> bool {
    let before = forms(home).expect("readable");
    let mut process: Process =
        home.launch(&[command, "-c", "config.yaml", "--column", "service"]).spawn();
    let is_running = eventually("rows are changed, or the command ends", || {
        if !process.is_running() {
            return Some(false);
        }
        let now = forms(home)?;
        let changed: i64 = ["integer", "blob", "text", "real"]
            .iter()
            .map(|form| (now.get(*form).unwrap_or(&0) - before.get(*form).unwrap_or(&0)).abs())
            .sum();
        (changed > rows).then_some(true)
    });
    let exit = process.kill();
    assert!(exit.code.is_none() || exit.code == Some(0), "{exit:#?}");
    is_running && exit.code.is_none()
}

fn finish(home: &Home, command: &str) {
    let exit = home.run(&[command, "-c", "config.yaml", "--column", "service"]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
}

/// Each acknowledged entry is there once, and each row has the value that was sent: as clients see it.
fn check(home: &Home, old_rows: i64, acknowledged: &[i64]) {
    let server = home.start();
    let answer = server.get("/logs?fields=n,service&limit=10000000");
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut found = BTreeMap::new();
    for row in answer.at("/result/results").as_array().expect("rows") {
        let n = row["n"].as_i64().expect("a number");
        assert_eq!(row["service"], service(n), "row {n}");
        assert!(found.insert(n, ()).is_none(), "{n} is stored twice");
    }
    for n in (0..old_rows).chain(acknowledged.iter().copied()) {
        assert!(found.contains_key(&n), "{n} was acknowledged and is lost");
    }
    assert_eq!(server.stop().code, Some(0));
    let verdict: String = home
        .database()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the database can be checked");
    assert_eq!(verdict, "ok");
}

/// All cells are plain, as if the column had never been compressed.
fn check_plain(home: &Home) {
    let database = home.database();
    let mut statement =
        database.prepare("SELECT n, json_quote(service) FROM Log").expect("a query");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    for row in rows.expect("rows") {
        let (n, cell) = row.expect("no BLOB is left, which JSON can't hold");
        assert_eq!(cell.parse::<Value>().expect("JSON"), service(n), "row {n}");
    }
}

fn check_compressed(home: &Home) {
    let sql = "SELECT count(*) FROM Log WHERE typeof(service) NOT IN ('integer', 'null')";
    let left: i64 = home.database().query_row(sql, [], |row| row.get(0)).expect("a number");
    assert_eq!(left, 0);
}

#[test]
fn killed_at_any_moment_beside_a_service_that_is_killed_too_nothing_is_lost_or_changed() {
    let home = filled(OLD_ROWS);
    let mut acknowledged = Vec::new();
    for (command, is_listed) in [("compress", true), ("decompress", false)] {
        if !is_listed {
            home.write_config(&keys(false));
        }
        let mut server = home.start();
        home.write_config(&keys(is_listed));
        let poster = Poster::start(&server, if is_listed { 1_000_000 } else { 2_000_000 });
        let mut kills = 0;
        for attempt in 0..KILLS as i64 * 2 {
            kills += usize::from(kill_under_way(&home, command, 1 + attempt * 397 % 1_200));
            if attempt % 4 == 3 {
                server.kill();
                server = home.start();
                poster.go_on_at(&server);
            }
            if kills == KILLS {
                break;
            }
        }
        assert_eq!(kills, KILLS, "the test is void: {command} was killed too seldom");
        finish(&home, command);
        let more = poster.finish();
        assert!(!more.is_empty(), "the test is void: nothing was stored");
        acknowledged.extend(more);
        server.kill();
        if is_listed {
            finish(&home, command);
            check_compressed(&home);
        } else {
            check_plain(&home);
        }
        check(&home, OLD_ROWS, &acknowledged);
    }
}

/// Takes what is left of the disk.
fn fill_up(ballast: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(ballast).expect("opened");
    for size in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_reader_that_holds_a_snapshot_makes_the_command_wait_before_the_disk_is_full() {
    let home = filled(OLD_ROWS);
    let directory = home.path().join("db");
    let bytes = fs::read(home.database_path()).expect("readable");
    let _disk = match Mount::small(&directory, DISK_BYTES) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("not tested on a real disk, as none can be mounted here: {reason}");
            return;
        }
    };
    fs::write(home.database_path(), bytes).expect("there is space");
    let reader = home.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM Log").expect("a snapshot");

    let command = home.launch(&["compress", "-c", "config.yaml", "--column", "service"]).spawn();
    eventually("the command waits", || command.stderr().contains("waiting: ").then_some(()));
    // What others need is left.
    fs::write(directory.join("ballast"), vec![0; 1 << 20]).expect("there is space");
    fs::remove_file(directory.join("ballast")).expect("removed");

    reader.execute_batch("COMMIT").expect("ended");
    let exit = command.wait();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    drop(reader);
    check_compressed(&home);
    check(&home, OLD_ROWS, &[]);
}

#[test]
fn a_full_disk_ends_the_command_which_goes_on_when_there_is_room() {
    let home = filled(20_000);
    let directory = home.path().join("db");
    let bytes = fs::read(home.database_path()).expect("readable");
    let _disk = match Mount::small(&directory, DISK_BYTES) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("not tested on a real disk, as none can be mounted here: {reason}");
            return;
        }
    };
    fs::write(home.database_path(), bytes).expect("there is space");
    let ballast = directory.join("ballast");
    for command in ["compress", "decompress"] {
        fill_up(&ballast);
        // A little room, so that it gets under way.
        OpenOptions::new()
            .write(true)
            .open(&ballast)
            .and_then(|file| file.set_len(file.metadata()?.len().saturating_sub(ROOM_BYTES)))
            .expect("shortened");
        let exit = home.run(&[command, "-c", "config.yaml", "--column", "service"]);
        assert_eq!(exit.code, Some(1), "{exit:#?}");
        for part in ["no space left", "what is done stays, and the same command goes on"] {
            assert!(exit.stderr.contains(part), "{part}: {exit:#?}");
        }

        fs::remove_file(&ballast).expect("removed");
        check(&home, 20_000, &[]);
        finish(&home, command);
        check(&home, 20_000, &[]);
    }
    check_plain(&home);
}
