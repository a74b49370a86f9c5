//! `loglite compress` and `loglite decompress` beside a service that answers and stores meanwhile.

mod recoded;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use loglite_e2e::{Connection, Home, Request, Server, eventually};
use serde_json::{Value, json};

use recoded::{COLUMNS, LISTED, filled, list, number, run_well, values_in};

/// Asks for as long as a flag is not set. Returns how often.
fn ask(
    server: &Server,
    stop: &Arc<AtomicBool>,
    check: impl Fn(&Value) + Send + 'static,
    path: &'static str,
) -> std::thread::JoinHandle<usize> {
    let (address, stop) = (server.address(), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut connection = Connection::open(address).expect("it listens");
        let mut asked = 0;
        while !stop.load(Ordering::Relaxed) {
            let answer = connection.send(&Request::get(path)).expect("an answer");
            assert_eq!(answer.status, 200, "{answer:?}");
            check(&answer.at("/result"));
            asked += 1;
        }
        asked
    })
}

/// Posts new entries for as long as a flag is not set, and counts those that are stored.
fn write(
    server: &Server,
    stop: &Arc<AtomicBool>,
    written: &Arc<AtomicUsize>,
) -> std::thread::JoinHandle<()> {
    let (address, stop, written) = (server.address(), Arc::clone(stop), Arc::clone(written));
    std::thread::spawn(move || {
        let mut connection = Connection::open(address).expect("it listens");
        let entry = |n: u32| {
            let service = if n.is_multiple_of(2) { json!("new") } else { json!(70_000) };
            json!({"timestamp": "2026-01-03", "message": "new", "extra": {"n": n}, "service": service})
        };
        let body = Value::from_iter((0..10).map(entry)).to_string();
        while !stop.load(Ordering::Relaxed) {
            let answer = connection.send(&Request::post("/logs").body(body.as_str()));
            let answer = answer.expect("an answer");
            assert_eq!(
                (answer.status, answer.at("/result/stored")),
                (200, json!(10)),
                "{answer:?}"
            );
            written.fetch_add(10, Ordering::Relaxed);
        }
    })
}

/// Checks rows that are read while they are recoded.
fn check_rows(result: &Value) {
    for row in result["results"].as_array().expect("rows") {
        let service = &row["service"];
        assert_eq!(row["message"] == "new", *service == "new" || *service == 70_000, "{row}");
        assert!(row.pointer("/extra/n").is_some_and(Value::is_number), "{row}");
    }
}

/// Runs the command beside a service with a configuration of its own, under reads and writes.
fn recode_beside(home: &Home, service_keys: &str, command: &str, command_keys: &str) {
    list(home, service_keys);
    let server = home.start();
    let (stop, written) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let total_of = |path: &'static str| {
        let total = server.get(path).at("/result/total");
        ask(&server, &stop, move |result| assert_eq!(result["total"], total, "{path}"), path)
    };
    let readers = [
        total_of("/logs?limit=1&service==api"),
        total_of("/logs?limit=1&service==7"),
        total_of("/logs?limit=1&service=~=AP&message=!=new"),
        ask(&server, &stop, check_rows, "/logs?limit=200&fields=message,service,extra"),
    ];
    let writer = write(&server, &stop, &written);
    let wait_for_more = || {
        let enough = written.load(Ordering::Relaxed) + 50;
        eventually("entries are written", || {
            (written.load(Ordering::Relaxed) > enough).then_some(())
        });
    };
    wait_for_more();
    list(home, command_keys);
    run_well(home, command, &COLUMNS);
    wait_for_more();
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("no failure");
    for reader in readers {
        assert!(reader.join().expect("no failure") > 0);
    }
    let stored = server.get("/logs?limit=1&message==new").at("/result/total");
    assert!(stored.as_u64() >= Some(written.load(Ordering::Relaxed) as u64), "{stored}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn answers_stay_the_same_while_rows_are_recoded_beside_a_service_that_writes() {
    let home = filled();
    recode_beside(&home, "", "compress", LISTED);
    // The service goes on compressing, as it was started with another configuration.
    recode_beside(&home, LISTED, "decompress", "");
    recode_beside(&home, LISTED, "compress", LISTED);
    assert_eq!(values_in(&home, "extra"), 0);
    recode_beside(&home, "", "decompress", "");
    assert_eq!(number(&home, "SELECT count(*) FROM Log WHERE typeof(service) = 'blob'"), 0);
    assert_eq!(number(&home, "SELECT count(*) FROM column_dictionary"), 0);
}
