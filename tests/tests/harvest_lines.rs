//! What lines of files become, in every format, as a user configures and queries it.

use std::fs;

use loglite_e2e::{Home, Server, config, eventually};
use serde_json::{Value, json};

/// A service that harvests `app.log`, which holds this, with these further keys of the harvester's configuration.
fn harvest(log: &[u8], keys: &str) -> Server {
    let home = Home::new(&config::with(&format!(
        "unknown_fields_column: extra
harvesters:
  - type: file
    name: app
    config:
      path: app.log
      start: beginning
      poll_interval: 100ms
      {}",
        keys.replace('\n', "\n      ")
    )));
    fs::write(home.path().join("app.log"), log).expect("the test's directory is writable");
    home.start()
}

/// The rows with these fields in the order of their ids, once there are so many.
fn rows(server: &Server, count: usize, fields: &str) -> Value {
    eventually(&format!("{count} rows"), || {
        let rows = server.rows(&format!("/logs?fields=id,{fields}"));
        let mut rows = rows.as_array().expect("rows are an array").clone();
        rows.sort_by_key(|row| row["id"].as_i64());
        for row in &mut rows {
            row.as_object_mut().expect("a row is an object").remove("id");
        }
        (rows.len() == count).then_some(Value::Array(rows))
    })
}

/// Reasons of the dead letters, and what they hold, the oldest first, once there are so many.
fn letters(server: &Server, count: usize) -> Vec<(String, String)> {
    eventually(&format!("{count} dead letters"), || {
        let answer = server.get("/dead-letters").json();
        let letters = answer.pointer("/result/dead_letters")?.as_array()?;
        let text = |letter: &Value, key| {
            letter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let told =
            letters.iter().rev().map(|letter| (text(letter, "reason"), text(letter, "entry")));
        (letters.len() == count).then(|| told.collect())
    })
}

#[test]
fn an_access_log_becomes_rows_with_numbers_and_utc_times() {
    let log = br#"::1 - [25/Nov/2026:03:47:32 +0100] "GET /a" 200 0.25
no access
::2 - [yesterday] "GET /\xff" 404 -
"#;
    let server = harvest(
        log,
        r#"format: regex
pattern: '^(?<client>\S+) - \[(?<time>[^\]]+)\] "(?<message>[^"]*)" (?<status>\d+) (?<ratio>[\d.]+)?'
timestamp: {field: time, format: '%d/%b/%Y:%H:%M:%S %z'}
columns: {status: line}
fields: {service: web}"#,
    );

    let rows = rows(&server, 2, "timestamp,message,line,ratio,service,extra");

    assert_eq!(
        rows[0],
        json!({"timestamp": "2026-11-25T02:47:32.000Z", "message": "GET /a", "line": 200,
            "ratio": 0.25, "service": "web", "extra": {"client": "::1"}})
    );
    assert_eq!(rows[1]["line"], 404);
    assert_eq!(rows[1]["extra"], json!({"client": "::2", "time": "yesterday"}));
    let expected = ("does not match `pattern`".to_owned(), "no access".to_owned());
    assert_eq!(letters(&server, 1), [expected]);
    let told = server.log_lines(&["WARN", "times can't be read", "app"]);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_stack_trace_is_one_entry_and_the_last_one_needs_no_successor() {
    let log = b"1 it broke\r\n  at a\r\n\r\n  at b\r\n2 fine\r\n  really\r\n";
    let server = harvest(log, "format: text\nmultiline: {start: '^[0-9]', timeout: 200ms}");
    let expected =
        json!([{"message": "1 it broke\n  at a\n\n  at b"}, {"message": "2 fine\n  really"}]);
    assert_eq!(rows(&server, 2, "message"), expected);
}

#[test]
fn logfmt_becomes_columns_and_long_lines_become_dead_letters() {
    let long = format!("msg={}", "x".repeat(5000));
    let log =
        format!("\u{feff}lvl=ERROR msg=\"say \\\"hi\\\"\" line=7 cached\n{long}\nplain words\n");
    let server = harvest(
        log.as_bytes(),
        "format: logfmt\ncolumns: {msg: message, lvl: level}\nmax_line_size: 4KB\norigin_column: service",
    );
    let origin = server.home().path().join("app.log");
    assert_eq!(
        rows(&server, 1, "level,message,line,service,extra"),
        json!([{"level": "ERROR", "message": "say \"hi\"", "line": 7, "service": origin,
            "extra": {"cached": true}}])
    );
    let letters = letters(&server, 2);
    assert!(letters[0].0.starts_with("5004 bytes in a line, more than 4KB"), "{letters:?}");
    assert_eq!(letters[0].1, long.chars().take(1024).collect::<String>());
    assert_eq!(letters[1], ("no `key=value` in it".into(), "plain words".into()));
}

#[test]
fn syslog_of_both_kinds_becomes_columns() {
    let log = b"<165>1 2026-11-25T03:47:32.5+01:00 web1 shop 42 - [req@1 n=\"1\"] it works\n\
        <13>Nov 25 2026 03:47:32 web1 cron[7]: done\nnothing\n";
    let server = harvest(log, "format: syslog\ncolumns: {app_name: service, proc_id: line}");
    let rows = rows(&server, 2, "timestamp,service,line,message,extra");
    let extra = json!({"hostname": "web1", "severity": "notice", "facility": "local4",
        "structured_data": {"req@1": {"n": "1"}}});
    assert_eq!(
        rows[0],
        json!({"timestamp": "2026-11-25T02:47:32.500Z", "service": "shop", "line": 42,
            "message": "it works", "extra": extra})
    );
    assert_eq!((&rows[1]["service"], &rows[1]["line"]), (&json!("cron"), &json!(7)));
    assert_eq!(letters(&server, 1), [("no syslog message".into(), "nothing".into())]);
}

#[test]
fn json_lines_hold_objects_and_arrays_and_what_is_broken_is_told() {
    let log = br#"{"t":1764042452123,"message":"one"}
[{"message":"two","service":"own"},{"message":"three"}]
{"broken
"#;
    let server = harvest(log, "timestamp: {field: t, format: unix_ms}\nfields: {service: app}");
    let found = rows(&server, 3, "message,service");
    let expected = json!([{"message": "one", "service": "app"}, {"message": "two", "service": "own"},
        {"message": "three", "service": "app"}]);
    assert_eq!(found, expected);
    assert_eq!(rows(&server, 3, "timestamp")[0]["timestamp"], "2025-11-25T03:47:32.123Z");
    let letters = letters(&server, 1);
    assert!(letters[0].0.starts_with("invalid JSON"), "{letters:?}");
    assert_eq!(letters[0].1, "{\"broken");
}
