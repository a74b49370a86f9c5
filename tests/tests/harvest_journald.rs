//! The journal, through a stand-in for journalctl that understands its options.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use loglite_e2e::{Home, Server, config, eventually};
use serde_json::{Value, json};

/// A journal and a service that reads it.
struct Journal {
    home: Home,
}

impl Journal {
    /// With these settings; none where there is no Python.
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs the tests must learn that one did nothing"
    )]
    fn new(settings: &str) -> Option<Self> {
        if Command::new("python3").arg("--version").output().is_err() {
            eprintln!("skipped: it needs python3");
            return None;
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journal/journalctl.py");
        let config = config::with(&format!(
            "harvesters:\n  - type: journald\n    name: journal\n    config: {{program: '{}'{settings}}}",
            program.display()
        ));
        let journal = Self { home: Home::new(&config) };
        fs::write(journal.path(), "").expect("the test's directory is writable");
        Some(journal)
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("journal")
    }

    fn start(&self) -> Server {
        let path = self.path();
        let journal = path.to_str().expect("a path in Unicode");
        self.home.launch(&["serve", "-c", "config.yaml"]).env("JOURNAL", journal).serve()
    }

    /// Appends records with these numbers.
    fn log(&self, numbers: std::ops::Range<u64>) {
        let mut records = String::new();
        for number in numbers {
            let record = json!({
                "__CURSOR": format!("s=abc;i={number}"), "LINE": number.to_string(),
                "MESSAGE": format!("record {number}"), "_SYSTEMD_UNIT": format!("u{}.service", number % 2),
                "__REALTIME_TIMESTAMP": (1_764_043_652_000_000 + number).to_string(), "PRIORITY": "3",
            });
            records += &format!("{record}\n");
        }
        let mut journal = OpenOptions::new().append(true).open(self.path()).expect("it is there");
        journal.write_all(records.as_bytes()).expect("the test's directory is writable");
    }
}

fn total(server: &Server) -> u64 {
    server.get("/logs?limit=1").at("/result/total").as_u64().expect("a number")
}

fn wait_for(server: &Server, count: u64) {
    eventually("all records are stored", || (total(server) >= count).then_some(()));
}

fn lines(server: &Server) -> Vec<Value> {
    server.get("/logs?fields=line&order=asc&limit=1000").column("line")
}

fn error_of(server: &Server) -> String {
    eventually("the harvester has failed", || {
        let error = server.get("/harvesters").at("/result/0/last_error");
        error.as_str().map(str::to_owned)
    })
}

#[test]
fn records_become_entries_with_their_fields() {
    let columns = ", start: beginning, columns: {unit: service, priority: ratio, severity: extra}";
    let Some(journal) = Journal::new(columns) else { return };
    let binary = r#"{"__CURSOR":"s=abc;i=8","MESSAGE":[104,105,255],"LINE":"8","X_UNKNOWN":"y"}"#;
    journal.log(7..8);
    let mut file = OpenOptions::new().append(true).open(journal.path()).expect("it is there");
    writeln!(file, "{binary}").expect("the test's directory is writable");

    let server = journal.start();

    wait_for(&server, 2);
    let rows = server.rows("/logs?fields=timestamp,message,service,extra,ratio&line==7");
    let expected = json!([{
        "timestamp": "2025-11-25T04:07:32.000007Z", "message": "record 7", "service": "u1.service",
        "extra": "error", "ratio": 3.0,
    }]);
    assert_eq!(rows, expected);
    assert_eq!(server.get("/logs?fields=message&line==8").column("message"), ["hi\u{fffd}"]);
}

#[test]
fn the_first_start_begins_at_the_end_and_the_next_one_where_the_last_one_stopped() {
    let Some(journal) = Journal::new("") else { return };
    journal.log(0..5);
    let server = journal.start();
    eventually("the end of the journal is known", || {
        let sql = "SELECT count(*) FROM loglite_checkpoints";
        let count = journal.home.database().query_row(sql, [], |row| row.get::<_, u32>(0));
        (count == Ok(1)).then_some(())
    });
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");

    journal.log(5..7);
    let server = journal.start();

    wait_for(&server, 2);
    assert_eq!(lines(&server), [5, 6]);
}

#[test]
fn each_record_is_there_once_though_the_service_is_killed() {
    let Some(journal) = Journal::new(", start: beginning") else { return };
    for round in 0..8 {
        let server = journal.start();
        journal.log(round * 100..(round + 1) * 100);
        // Some rounds end while the records are being stored, others before or behind that.
        wait_for(&server, round * 70);
        server.kill();
    }

    let server = journal.start();

    wait_for(&server, 800);
    let expected: Vec<Value> = (0..800).map(Value::from).collect();
    assert_eq!(lines(&server), expected);
}

#[test]
fn only_the_units_and_matches_that_are_asked_for_are_harvested() {
    let settings = ", start: beginning, units: [u1.service], matches: ['LINE=3']";
    let Some(journal) = Journal::new(settings) else { return };
    journal.log(0..5);

    let server = journal.start();

    wait_for(&server, 1);
    assert_eq!(lines(&server), [3]);
}

#[test]
fn a_position_that_the_journal_has_forgotten_gives_way_to_its_begin() {
    let Some(journal) = Journal::new(", start: beginning") else { return };
    journal.log(0..3);
    let server = journal.start();
    wait_for(&server, 3);
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    fs::write(journal.path(), "").expect("the test's directory is writable");
    journal.log(10..12);

    let server = journal.start();

    wait_for(&server, 5);
    assert_eq!(lines(&server), [0, 1, 2, 10, 11]);
    assert!(server.process().stderr().contains("no longer holds"));
}

#[test]
fn a_machine_without_journalctl_is_told_what_to_do() {
    let harvester =
        "harvesters:\n  - type: journald\n    name: journal\n    config: {program: /no/journalctl}";
    let server = Home::new(&config::with(harvester)).start();

    let error = error_of(&server);

    assert!(error.contains("/no/journalctl") && error.contains("set `program`"), "{error}");
}
