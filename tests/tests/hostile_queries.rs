//! Queries made to hold a connection for long: each ends at its deadline, and the service goes on.

use std::time::{Duration, Instant};

use loglite_e2e::{Home, Server, config};
use serde_json::{Value, json};

/// Far above each deadline here, far below what the queries would take.
const PATIENCE: Duration = Duration::from_secs(20);

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// Rows that another program has put into the table.
fn filled(keys: &str, rows: usize) -> Server {
    let server = start(keys);
    let sql = format!(
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {rows})
         INSERT INTO Log (message) SELECT printf('%0500d', x) FROM n"
    );
    server.home().database().execute(&sql, []).expect("rows can be inserted");
    server
}

#[test]
fn a_long_text_is_sought_in_a_long_value_in_no_time() {
    let server = start("query_timeout_ms: 10000");
    server.store(&json!({"message": format!("{}B", "a".repeat(1_000_000))}));
    let begun = Instant::now();
    for (end, total) in [("b", 1), ("c", 0)] {
        let needle = format!("~={}{end}", "A".repeat(5000));
        let answer = server.query(&[("message", &needle), ("fields", "id")]);
        assert_eq!((answer.status, answer.at("/result/total")), (200, json!(total)), "{end}");
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[test]
fn short_and_long_texts_are_sought_alike() {
    let server = start("");
    let long = "100%_of \\ Größe ".repeat(5);
    server.store(&json!([
        {"message": long, "line": 12_345, "ratio": 0.25},
        {"message": "another", "line": -7, "ratio": 1e300, "service": "x"}
    ]));
    let long_needle = format!("~={}", long.trim().replace("of", "OF"));
    for (column, condition, total) in [
        ("message", long_needle.as_str(), 1),
        ("message", &long_needle.replace('ö', "Ö"), 0),
        ("message", &long_needle.replace('%', "x"), 0),
        ("message", "~=0%_OF \\ g", 1),
        ("line", "~=234", 1),
        ("line", "~=00000000000000000000000000000000000000", 0),
        ("ratio", "~=e+300", 1),
        ("service", "~=X", 1),
    ] {
        let answer = server.query(&[(column, condition)]);
        assert_eq!(answer.at("/result/total"), total, "{column} {condition}: {answer:?}");
    }
}

#[test]
fn counting_all_rows_ends_at_the_deadline() {
    let server = filled("query_timeout_ms: 1", 200_000);
    // Without a condition an index is counted, which may take less than a millisecond.
    let answer = server.query(&[("limit", "1"), ("message", "!=other")]);
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(answer.error().contains("interrupted after 1 ms"), "{answer:?}");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn the_connections_serve_on_after_queries_that_were_interrupted() {
    let server = filled("query_timeout_ms: 300\ndb_pool_size: 1", 20_000);
    for _ in 0..5 {
        let many = "~=0_,".repeat(400);
        let slow = server.query(&[("message", many.trim_end_matches(','))]);
        assert!([200, 504].contains(&slow.status), "{slow:?}");
        let answer = server.get("/logs?limit=1&fields=id");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.column("id").len(), 1);
    }
    let rows = server.rows("/logs?limit=2&order=asc&fields=id");
    assert_eq!(rows.as_array().map(Vec::len), Some(2), "{}", Value::to_string(&rows));
}
