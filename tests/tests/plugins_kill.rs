//! The service ends at any moment while a harvester counts: its entries are there exactly once, in their order.

use std::collections::BTreeMap;

use loglite_e2e::{Home, Plugin, Server, config, eventually, plugins};
use serde_json::{Value, json};

const ROUNDS: usize = 20;
/// Entries of one call of the counter, and so of one checkpoint.
const BATCH: i64 = 10;
/// What `answer: more` makes of an entry.
const COPIES: usize = 1000;

/// Counts with its position as the checkpoint, and looks whether it should end after each call.
const POLITE: u64 = 1;
/// As fast as it can, and never looks.
const IMPOLITE: u64 = 0;

fn home(pause_ms: u64, transforms: &[Plugin]) -> Home {
    let config = json!({"ingest": {"what": "count", "batch": BATCH, "pause_ms": pause_ms}});
    let counter = Plugin::harvester("counter", "faulty-harvester", &config);
    let keys = plugins::keys(&[counter], transforms);
    Home::new(&config::with(&format!("{keys}\nshutdown_grace_ms: 10000")))
}

/// The counter's numbers, in the order they were committed.
fn numbers(home: &Home) -> Vec<i64> {
    let database = home.database();
    let sql = "SELECT CAST(message AS INTEGER) FROM Log WHERE service = 'faulty' ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let numbers = statement.query_map([], |row| row.get(0));
    numbers.and_then(Iterator::collect).expect("the table can be read")
}

fn count(home: &Home) -> i64 {
    let sql = "SELECT count(*) FROM Log";
    home.database().query_row(sql, [], |row| row.get(0)).expect("the table can be read")
}

/// Starts the service again and again, ends it each time at another moment, and checks what is there then.
fn over_many_ends(home: &Home, end: impl Fn(Server), check: impl Fn(&[i64])) {
    over_ends(ROUNDS, home, end, check);
}

fn over_ends(rounds: usize, home: &Home, end: impl Fn(Server), check: impl Fn(&[i64])) {
    for round in 0..rounds {
        let server = home.start();
        let before = count(home);
        // From the very first commits to some hundreds of them.
        let more = (round * round * 3) as i64 + 1;
        eventually("it counts", || (count(home) >= before + more).then_some(()));
        end(server);
        check(&numbers(home));
    }
}

fn kill(server: Server) {
    server.kill();
}

fn stop(server: Server) {
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(!exit.stderr.contains("cut off"), "{exit:#?}");
}

fn assert_counted(numbers: &[i64]) {
    let wrong = (0..).zip(numbers).find(|(expected, number)| expected != *number);
    assert_eq!(wrong, None, "expected, and found, among {}", numbers.len());
    assert_eq!(numbers.len() as i64 % BATCH, 0, "half a call is there");
}

#[test]
fn a_killed_host_has_each_entry_of_a_harvester_exactly_once() {
    over_many_ends(&home(IMPOLITE, &[]), kill, assert_counted);
}

#[test]
fn a_stopped_host_has_each_entry_of_a_harvester_exactly_once() {
    over_many_ends(&home(POLITE, &[]), stop, assert_counted);
}

#[test]
fn a_harvester_that_is_cut_off_has_each_entry_exactly_once() {
    let end = |server: Server| {
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        assert!(exit.stderr.contains("cut off"), "{exit:#?}");
    };
    over_ends(2, &home(IMPOLITE, &[]), end, assert_counted);
}

/// Drops two of three entries, and makes many of some of the others.
fn dropping_and_splitting() -> Vec<Plugin> {
    let sample = json!({"rate": 3, "key": "service", "keep_levels": []});
    let split = json!({"answer": "more", "marker": "7\""});
    vec![
        Plugin::transform("sample", "sample", &sample),
        Plugin::transform("split", "faulty-transform", &split),
    ]
}

fn assert_thinned_and_multiplied(numbers: &[i64]) {
    let mut copies: BTreeMap<i64, usize> = BTreeMap::new();
    for number in numbers {
        *copies.entry(*number).or_default() += 1;
    }
    assert!(numbers.is_sorted(), "not in their order");
    for (number, found) in &copies {
        let expected = if number % 10 == 7 { COPIES } else { 1 };
        assert_eq!(*found, expected, "of {number}");
    }
    // Each instance keeps its first entry, so no more than two in a row are missing.
    let kept: Vec<_> = copies.into_keys().collect();
    assert_eq!(kept.first(), Some(&0));
    let gap = kept.iter().zip(kept.iter().skip(1)).find(|(one, next)| *next - *one > 3);
    assert_eq!(gap, None, "entries are lost");
}

#[test]
fn a_killed_host_has_done_all_or_nothing_of_a_call_that_transforms_drop_from_and_split() {
    over_many_ends(&home(IMPOLITE, &dropping_and_splitting()), kill, assert_thinned_and_multiplied);
}

#[test]
fn a_stopped_host_has_done_all_or_nothing_of_a_call_that_transforms_drop_from_and_split() {
    over_many_ends(&home(POLITE, &dropping_and_splitting()), stop, assert_thinned_and_multiplied);
}

#[test]
fn clients_lose_nothing_acknowledged_when_the_host_is_killed_among_plugins() {
    let identity = Plugin::transform("identity", "identity", &json!({}));
    let home = home(IMPOLITE, &[identity]);
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let server = home.start();
        for line in 0..20 + round {
            let message = format!("posted {round} {line}");
            let entries = Value::from_iter((0..3).map(|_| json!({"message": message})));
            server.store(&entries);
            acknowledged.push(message);
        }
        server.kill();
    }
    let _server = home.start();
    let database = home.database();
    let sql = "SELECT count(*) FROM Log WHERE message = ?1";
    for message in acknowledged {
        let count: i64 = database.query_row(sql, [&message], |row| row.get(0)).expect("readable");
        assert_eq!(count, 3, "{message}");
    }
    assert_counted(&numbers(&home).into_iter().take(BATCH as usize).collect::<Vec<_>>());
}
