//! The service is stopped under load, in every way: nothing acknowledged is lost.

mod load;

use std::io::Read;
use std::time::Instant;

use load::{Posted, Posters};
use loglite_e2e::{Connection, DEADLINE, Home, Process, Request, Server, config, eventually};
use serde_json::json;

const ROUNDS: usize = 20;
const CLIENTS: usize = 4;

/// Announces a body, and asks the server to say when it waits for it.
const HEAD: &[u8] =
    b"POST /logs HTTP/1.1\r\nHost: loglite\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn kill_under_load_loses_no_acknowledged_entry() {
    let home = Home::new(&config::with("shutdown_grace_ms: 1000"));
    let mut posted = Posted::default();
    let mut newest_id = 0;
    for round in 0..ROUNDS {
        let server = home.start();
        let posters = Posters::start(server.address(), &format!("round-{round}"), CLIENTS);
        // At another moment each time.
        let enough = 50 + 37 * round;
        eventually("entries are acknowledged", || (posters.acknowledged() >= enough).then_some(()));
        server.kill();
        posted.merge(posters.finish());

        let restarted = home.start();
        let ids = posted.check(&home.database());
        let prefix = format!("round-{round}-");
        let fresh = ids.iter().filter(|(message, _)| message.starts_with(&prefix));
        let oldest_fresh = fresh.map(|(_, id)| *id).min().expect("this round stored entries");
        assert!(oldest_fresh > newest_id, "{oldest_fresh} was used before");
        newest_id = ids.values().copied().max().expect("there are entries");
        restarted.kill();

        // Ids stay used when their rows are gone.
        if round % 5 == 4 {
            home.database().execute("DELETE FROM Log", []).expect("rows can be deleted");
            posted = Posted::default();
        }
    }
}

#[test]
fn a_body_whose_storing_was_killed_is_there_up_to_a_commit() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    // Larger than one commit, so that the kill falls between or into commits.
    let entries: Vec<_> = (0..30_000).map(|at| json!({"message": "m", "line": at})).collect();
    let body = serde_json::Value::from(entries).to_string();
    let address = server.address();
    let client = std::thread::spawn(move || {
        Connection::open(address)?.send(&Request::post("/logs").body(body))
    });
    let database = home.database();
    let count = || -> i64 {
        let count = database.query_row("SELECT count(*) FROM Log", [], |row| row.get(0));
        count.expect("the table can be read")
    };
    eventually("the first rows are committed", || (count() > 0).then_some(()));
    server.kill();
    let answered = client.join().expect("the client does not panic");

    let restarted = home.start();
    let stored = count();
    if answered.is_ok_and(|answer| answer.status == 200) {
        assert_eq!(stored, 30_000);
    }
    // Whatever was committed is a prefix of what was sent, without gaps.
    let newest: i64 = database
        .query_row("SELECT max(line) FROM Log", [], |row| row.get(0))
        .expect("the table can be read");
    assert_eq!(newest + 1, stored);
    assert_eq!(restarted.get("/logs?limit=1").at("/result/total"), stored);
}

#[test]
fn sigterm_under_load_drains_and_exits_with_0() {
    let home = Home::new(&config::with(""));
    let mut posted = Posted::default();
    for round in 0..5 {
        let server = home.start();
        let posters = Posters::start(server.address(), &format!("round-{round}"), CLIENTS);
        eventually("entries are acknowledged", || (posters.acknowledged() >= 400).then_some(()));

        let exit = server.stop();
        posted.merge(posters.finish());

        assert_eq!(exit.code, Some(0), "{exit:#?}");
        // The log was copied back: the database is one file.
        let wal = home.path().join("db/logs.db-wal");
        assert_eq!(std::fs::metadata(wal).map_or(0, |metadata| metadata.len()), 0);
        posted.check(&home.database());
    }
}

#[test]
fn sigint_stops_in_order_too() {
    let server = Home::new(&config::with("")).start();
    server.store(&json!({"message": "kept"}));
    server.process().interrupt();
    let home = server.home().clone();
    let exit = server.wait();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_eq!(home.start().rows("/logs?fields=message"), json!([{"message": "kept"}]));
}

#[test]
fn a_request_under_way_is_answered_before_the_end() {
    let server = Home::new(&config::with("shutdown_grace_ms: 600000")).start();
    let mut slow = begin_a_request(&server);
    server.process().terminate();
    eventually("the stop begins", || is_stopping(server.process()).then_some(()));
    slow.write(&[b"age\":\"late\"}".as_slice(), &[b' '; 82]].concat()).expect("still connected");

    let answer = slow.read_response().expect("an answer");

    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(1)), "{answer:?}");
    let home = server.home().clone();
    assert_eq!(server.wait().code, Some(0));
    assert_eq!(home.start().rows("/logs?fields=message"), json!([{"message": "late"}]));
}

#[test]
fn an_answer_that_is_read_slowly_arrives_as_a_whole() {
    let server = Home::new(&config::with("shutdown_grace_ms: 600000")).start();
    // More than the system keeps for a client that does not read.
    let text = "x".repeat(14_000_000);
    server.store(&json!({"message": text}));
    let mut slow = server.connect();
    slow.write(&Request::get("/logs?fields=message").to_bytes()).expect("connected");
    slow.socket().peek(&mut [0]).expect("the answer begins");
    let mut idle = server.connect();
    idle.write(b"GET /logs HTTP/1.1\r\nHo").expect("connected");
    server.process().terminate();
    eventually("the stop begins", || is_stopping(server.process()).then_some(()));
    // By then the server has looked for connections with nothing under way.
    assert!(idle.read_to_end().expect("closed in time").is_empty());

    let answer = slow.read_response().expect("a whole answer");

    assert_eq!(answer.column("message"), [text]);
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn a_signal_during_a_migration_exits_at_once_and_undoes_it() {
    let endless = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
INSERT INTO Log (message) SELECT i FROM n WHERE i < 0;";
    let home = Home::new(&config::with_table(endless, ""));
    let process = home.launch(&["serve", "-c", "config.yaml"]).spawn();
    eventually("the database is made", || home.database_path().exists().then_some(()));

    process.terminate();

    let exit = process.wait();
    assert_eq!(exit.code, Some(143), "{exit:#?}");
    assert!(exit.stderr.contains("before the service was ready"), "{exit:#?}");
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'Log'";
    let count: i64 = home.database().query_row(tables, [], |row| row.get(0)).expect("readable");
    assert_eq!(count, 0);
}

#[test]
fn after_the_grace_period_a_request_under_way_is_cut_off() {
    let keys = "shutdown_grace_ms: 300\nbody_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    let _slow = begin_a_request(&server);
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stderr.contains("cut off after the grace period"), "{exit:#?}");
}

#[test]
fn a_connection_without_a_request_does_not_hold_up_the_end() {
    let keys = "shutdown_grace_ms: 600000\nheader_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    let _silent = server.connect();
    let mut half = server.connect();
    half.write(b"GET /logs HTTP/1.1\r\nHo").expect("connected");
    let mut used = server.connect();
    used.send(&Request::get("/health")).expect("an answer");
    let _tail = server.subscribe("/logs/sse");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_second_signal_exits_at_once() {
    type Send = fn(&Process);
    let signals: [(Send, i32); 2] = [(Process::terminate, 143), (Process::interrupt, 130)];
    for (second, code) in signals {
        let keys = "shutdown_grace_ms: 600000\nbody_timeout_ms: 600000";
        let server = Home::new(&config::with(keys)).start();
        server.store(&json!({"message": "kept"}));
        let _slow = begin_a_request(&server);
        server.process().terminate();
        eventually("the stop begins", || is_stopping(server.process()).then_some(()));
        let begun = Instant::now();

        second(server.process());

        let home = server.home().clone();
        let exit = server.wait();
        assert_eq!(exit.code, Some(code), "{exit:#?}");
        assert!(begun.elapsed() < DEADLINE);
        assert_eq!(home.start().rows("/logs?fields=message"), json!([{"message": "kept"}]));
    }
}

fn is_stopping(process: &Process) -> bool {
    process.stderr().contains("stopping")
}

/// Sends half a request and waits until the server is at it.
fn begin_a_request(server: &Server) -> Connection {
    let mut connection = server.connect();
    connection.write(HEAD).expect("connected");
    let mut answer = [0; CONTINUE.len()];
    connection.socket().read_exact(&mut answer).expect("the server waits for the body");
    assert_eq!(answer, CONTINUE);
    connection.write(b"{\"mess").expect("connected");
    connection
}
