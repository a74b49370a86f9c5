//! What is told of harvesters: `GET /harvesters`, metrics, and the column for sources.

use std::fs;

use loglite_e2e::{Home, Request, Server, config, eventually};
use serde_json::{Value, json};

/// A service that harvests `app.log` from its begin, and `none.log`, which is not there.
fn start(content: &str) -> Server {
    let keys = "source_column: service
harvesters:
  - {type: file, name: app, config: {path: app.log, start: beginning}}
  - {type: file, name: idle, config: {path: none.log}}";
    let home = Home::new(&config::with(keys));
    fs::write(home.path().join("app.log"), content).expect("the test's directory is writable");
    home.start()
}

/// What `GET /harvesters` says of this one.
fn status(server: &Server, name: &str) -> Value {
    let answer = server.get("/harvesters");
    assert_eq!((answer.status, answer.at("/status")), (200, json!("success")), "{answer:?}");
    let all = answer.at("/result");
    let all = all.as_array().expect("a list");
    let found = all.iter().find(|status| status.get("name") == Some(&json!(name)));
    found.unwrap_or_else(|| panic!("no {name} in {answer:?}")).clone()
}

fn number(status: &Value, field: &str) -> u64 {
    let number = status.get(field).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("no number {field} in {status}"))
}

#[test]
fn each_harvester_tells_what_it_does_and_what_it_has_brought() {
    let content = "{\"message\": \"a\"}\nbroken\n{\"message\": \"b\"}\n";
    let server = start(content);

    let app = eventually("all is harvested", || {
        let app = status(&server, "app");
        (number(&app, "entries") == 2
            && number(&app, "bad_lines") == 1
            && number(&app, "lag_bytes") == 0)
            .then_some(app)
    });

    assert_eq!(
        (app.get("type"), app.get("state")),
        (Some(&json!("file")), Some(&json!("running")))
    );
    assert_eq!(number(&app, "bytes"), content.len() as u64, "{app}");
    assert_eq!(number(&app, "inputs"), 1, "{app}");
    for field in ["lost", "failures", "restarts", "lag_seconds"] {
        assert_eq!(number(&app, field), 0, "{field} of {app}");
    }
    assert_eq!(app.get("last_error"), Some(&Value::Null));
    let idle = status(&server, "idle");
    assert_eq!((number(&idle, "entries"), number(&idle, "inputs")), (0, 0), "{idle}");
    let metrics = server.get("/metrics").text();
    for sample in [
        "loglite_harvester_entries_total{harvester=\"app\",type=\"file\"} 2",
        "loglite_harvester_bad_lines_total{harvester=\"app\",type=\"file\"} 1",
        "loglite_harvester_lag_bytes{harvester=\"app\",type=\"file\"} 0",
    ] {
        assert!(metrics.contains(sample), "{sample} is not in\n{metrics}");
    }
}

#[test]
fn a_service_without_harvesters_tells_of_none() {
    let server = Home::new(&config::with("")).start();

    let answer = server.get("/harvesters");

    assert_eq!((answer.status, answer.at("/result")), (200, json!([])), "{answer:?}");
    assert_eq!(server.send(&Request::post("/harvesters")).status, 405);
}

#[test]
fn the_column_for_sources_gets_the_harvester_or_http_unless_the_entry_has_a_value() {
    let server = start("{\"message\": \"a\"}\n{\"message\": \"b\", \"service\": \"own\"}\n");
    server.store(&json!({"message": "c"}));
    server.store(&json!([{"message": "d", "service": "shop"}]));

    let pairs = eventually("all is there", || {
        let rows = server.rows("/logs?fields=message,service");
        let rows = rows.as_array().expect("rows").clone();
        (rows.len() == 4).then_some(rows)
    });

    for (message, service) in [("a", "app"), ("b", "own"), ("c", "http"), ("d", "shop")] {
        let row = json!({"message": message, "service": service});
        assert!(pairs.contains(&row), "{row} is not in {pairs:?}");
    }
}
