//! The service ends at any moment while a program writes and rotates its log: each line is in the table exactly once.

use std::time::Duration;

use loglite_e2e::{Home, LogFile, LogWriter, Pace, Server, eventually, harvest};
use serde_json::json;

const PACE: Pace = Pace { lines: 5_000, rotation: Duration::from_secs(1) };
const KILLS: u64 = 50;
const STOPS: u64 = 20;
/// The service is ended at the latest this long after it has begun to listen.
const LONGEST_LIFE: Duration = Duration::from_millis(1_400);

/// Ends the service again and again while a program writes.
fn over_many_ends(home: &Home, count: u64, end: impl Fn(Server)) -> LogFile {
    let writer = LogWriter::start(LogFile::open(home, "app.log"), PACE, LogFile::rotate);
    home.over_many_ends(count, LONGEST_LIFE, end);
    let rotations = writer.rotations();
    assert!(rotations >= count / 4, "the test is void: {rotations} rotations");
    writer.stop()
}

#[test]
fn a_killed_service_has_each_line_of_a_rotating_log_exactly_once() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));

    let log = over_many_ends(&home, KILLS, Server::kill);

    let _server = home.start();
    home.assert_stored_once(log.messages());
}

#[test]
fn a_stopped_service_has_each_line_of_a_rotating_log_exactly_once() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));

    let log = over_many_ends(&home, STOPS, |server| {
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        assert!(!exit.stderr.contains("cut off"), "{exit:#?}");
    });

    let _server = home.start();
    home.assert_stored_once(log.messages());
}

#[test]
fn lines_and_rotations_while_the_service_was_down_are_read_at_its_next_start() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    log.append_torn(1_000);
    home.wait_for_rows(999);
    assert_eq!(server.stop().code, Some(0));

    for _ in 0..5 {
        log.append(500);
        log.rotate();
    }
    log.append(10);

    let _server = home.start();
    home.assert_stored_once(log.messages());
}

#[test]
fn a_log_that_begins_at_its_end_is_read_from_there_and_through_ends_of_the_service() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*", "start": null}));
    let mut old = LogFile::open(&home, "app.log.1");
    let mut log = LogFile::open(&home, "app.log");
    old.append(100);
    log.append(100);
    let server = home.start();
    let is_watched = || server.harvester("files").count("inputs") == 2;
    eventually("both files are watched", || is_watched().then_some(()));
    server.kill();

    log.append(50);
    let server = home.start();
    log.append(50);
    // A file that appears later is new from its beginning.
    log.rotate();
    log.append(50);

    home.assert_stored_once(log.messages().skip(100));
    drop(server);
}
