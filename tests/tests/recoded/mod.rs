//! A table with values of all kinds, and the commands that recode its columns.

use loglite_e2e::{Exit, Home, config};
use serde_json::{Value, json};

pub(crate) const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp DATETIME NOT NULL, message TEXT NOT NULL, ratio REAL,
    level INTEGER, service INTEGER, extra JSON, code,
    day TEXT GENERATED ALWAYS AS (date(timestamp)) VIRTUAL,
    shout TEXT GENERATED ALWAYS AS (upper(level)) VIRTUAL
);
CREATE INDEX idx_timestamp ON Log (timestamp);
CREATE INDEX idx_service ON Log (service, level);";

pub(crate) const LISTED: &str = "compression:\n  enabled: true\n  columns: [service, extra, code]";
pub(crate) const COLUMNS: [&str; 3] = ["service", "extra", "code"];

pub(crate) fn home() -> Home {
    Home::new(&config::with_table(TABLE, ""))
}

pub(crate) fn list(home: &Home, keys: &str) {
    home.write_config(&config::with_table(TABLE, keys));
}

/// Values of all kinds, in a column each of INTEGER, JSON and no affinity.
pub(crate) fn entries() -> Value {
    let services = [
        json!("api"),
        json!("API"),
        json!("007"),
        json!(7),
        json!(-300),
        json!(1.5),
        json!(""),
        Value::Null,
        json!("Größe"),
        json!(true),
        json!("1e3"),
        json!({"a": [1, "x"]}),
        json!(9_007_199_254_740_993_i64),
        json!(1),
        json!(2),
        json!(3),
        json!("10.0.0.1"),
        json!(" 5 "),
        json!("long ".repeat(2000)),
    ];
    let entry = |n: usize| {
        json!({
            "timestamp": format!("2026-01-01T00:{:02}:00Z", n % 60), "message": format!("m{n}"),
            "level": n % 4, "service": services.get(n % services.len()),
            "extra": {"n": n % 9}, "code": services.get(n % 7),
        })
    };
    (0..2000).map(entry).collect()
}

/// A database with these entries, stored as they are.
pub(crate) fn filled() -> Home {
    let home = home();
    let server = home.start();
    server.store(&entries());
    assert_eq!(server.stop().code, Some(0));
    home
}

pub(crate) fn run(home: &Home, command: &str, columns: &[&str]) -> Exit {
    let mut arguments = vec![command, "-c", "config.yaml"];
    arguments.extend(columns.iter().flat_map(|column| ["--column", column]));
    home.run(&arguments)
}

#[track_caller]
pub(crate) fn run_well(home: &Home, command: &str, columns: &[&str]) -> Exit {
    let exit = run(home, command, columns);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    exit
}

pub(crate) fn number(home: &Home, sql: &str) -> i64 {
    home.database().query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// How many cells of a column are neither ids nor NULL.
pub(crate) fn values_in(home: &Home, column: &str) -> i64 {
    number(
        home,
        &format!("SELECT count(*) FROM Log WHERE typeof({column}) NOT IN ('integer', 'null')"),
    )
}
