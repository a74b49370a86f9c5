//! Reading compressed columns: clients see and ask for values, and never meet an id.

use std::fs;
use std::time::Duration;

use loglite_e2e::{Frame, Home, Request, Server, config, eventually};
use serde_json::{Value, json};

const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp DATETIME NOT NULL, message TEXT NOT NULL,
    level INTEGER, service INTEGER, extra JSON
);
CREATE INDEX idx_timestamp ON Log (timestamp);
CREATE INDEX idx_service ON Log (service);";

const COMPRESSION: &str = "compression:\n  enabled: true\n  columns: [level, service, extra]";

fn start(keys: &str) -> Server {
    Home::new(&config::with_table(TABLE, keys)).start()
}

/// Values that a numeric affinity leaves as they are.
fn entries() -> Value {
    let long = "long ".repeat(3000);
    let services = [
        json!("api"),
        json!("API"),
        json!("Größe"),
        json!(""),
        Value::Null,
        json!(7),
        json!(-3),
        json!(0.5),
        json!(true),
        json!("100%"),
        json!("a_b"),
        json!("line\nend, \"quoted\""),
        json!("日本"),
        json!(long),
        json!({"a": [1, {"b": null}]}),
        json!(1_000_000_000_000_i64),
        json!(1e300),
        json!("null"),
        json!("1.2.3"),
    ];
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR"];
    let entry = |n: usize| {
        let mut entry = json!({
            "timestamp": format!("2025-01-01T00:{:02}:00", n % 50), "message": format!("m{n}"),
            "level": levels.get(n % 4), "service": services.get(n % services.len()),
            "extra": {"n": n % 9},
        });
        if n.is_multiple_of(11) {
            entry.as_object_mut().expect("an object").remove("level");
        }
        entry
    };
    (0..400).map(entry).collect()
}

fn filled(keys: &str) -> Server {
    let server = start(keys);
    server.store(&entries());
    server
}

fn conditions() -> Vec<(&'static str, String)> {
    let operators = ["=", "!=", ">=", "<=", ">", "<", "~="];
    let services = [
        "api", "API", "Größe", "größe", "", "7", "7.0", "0.5", "1", "0", "a", "%", "_", "\"b\"",
        "zz", "日", "1e300",
    ];
    let levels = ["INFO", "info", "E", "DEBUG", "Z", "5"];
    let extras = ["{\"n\":3}", "n", "3", "{"];
    let with = |column: &'static str, literals: &[&str]| {
        let of =
            |literal: &&str| operators.map(|operator| (column, format!("{operator}{literal}")));
        literals.iter().flat_map(of).collect::<Vec<_>>()
    };
    let nulls = ["level", "service", "extra"].into_iter();
    let nulls =
        nulls.flat_map(|column| ["is null", "is not null"].map(|text| (column, text.to_owned())));
    let comparisons = [with("service", &services), with("level", &levels), with("extra", &extras)];
    comparisons.concat().into_iter().chain(nulls).collect()
}

/// Some ask for more than one column, some for pages, and some in another form.
fn requests() -> Vec<Request> {
    let conditions = conditions();
    let single = conditions.iter().map(|(column, condition)| {
        Request::query("/logs", &[(column, condition), ("limit", "500")])
    });
    let several = conditions.iter().zip(conditions.iter().rev()).map(|((a, one), (b, other))| {
        Request::query("/logs", &[(a, one), (b, other), ("limit", "500"), ("fields", "id,service")])
    });
    let paged = conditions.iter().step_by(3).map(|(column, condition)| {
        Request::query(
            "/logs",
            &[(column, condition), ("limit", "5"), ("offset", "3"), ("order", "asc")],
        )
    });
    let others = ["ndjson", "csv"]
        .map(|format| Request::query("/logs", &[("format", format), ("service", "!=api")]));
    single.chain(several).chain(paged).chain(others).collect()
}

#[test]
fn answers_are_those_of_plain_columns() {
    let (plain, compressed) = (filled(""), filled(COMPRESSION));
    let ids = "SELECT count(*) FROM Log WHERE typeof(service) = 'integer' AND service > 0";
    let ids: i64 =
        compressed.home().database().query_row(ids, [], |row| row.get(0)).expect("a count");
    assert!(ids > 300, "{ids} rows hold an id");
    for request in requests() {
        let (expected, found) = (plain.send(&request), compressed.send(&request));
        assert_eq!(expected.status, 200, "{request}: {expected:?}");
        assert_eq!(found.text(), expected.text(), "{request}");
    }
}

#[test]
fn a_cursor_goes_through_the_matches() {
    let (plain, compressed) = (filled(""), filled(COMPRESSION));
    let walk = |server: &Server| {
        let (mut ids, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..100 {
            let mut parameters = vec![("service", "~=a"), ("level", "!=INFO"), ("limit", "7")];
            if let Some(cursor) = &cursor {
                parameters.push(("cursor", cursor));
            }
            let answer = server.query(&parameters);
            ids.extend(answer.column("id"));
            match answer.at("/result/cursor") {
                Value::String(next) => cursor = Some(next),
                _ => return ids,
            }
        }
        panic!("no end after 100 pages")
    };
    let ids = walk(&compressed);
    assert!(ids.len() > 20, "{ids:?}");
    assert_eq!(ids, walk(&plain));
}

#[test]
fn text_that_looks_like_a_number_comes_back_as_it_was_sent_and_compares_as_a_number() {
    let server = start(COMPRESSION);
    let texts = ["007", "7", " 7 ", "1e3", "0x10"];
    let entry =
        |(n, text): (usize, &&str)| json!({"timestamp": n, "message": "m", "service": text});
    server.store(&texts.iter().enumerate().map(entry).collect());
    let services = |condition: &str| {
        server.query(&[("service", condition), ("order", "asc")]).column("service")
    };
    assert_eq!(services("is not null"), texts);
    assert_eq!(services("=7"), ["007", "7", " 7 "]);
    assert_eq!(services("=07.0"), ["007", "7", " 7 "]);
    assert_eq!(services(">999"), ["1e3", "0x10"]);
    assert_eq!(services("<=7"), ["007", "7", " 7 "]);
    assert_eq!(services("~=00"), ["007"]);
}

#[test]
fn subscribers_see_values_and_filter_by_them() {
    let server = start(COMPRESSION);
    server.store(&json!({"timestamp": 0, "message": "before", "service": "api"}));
    let mut all = server.subscribe("/logs/sse?fields=message,service,extra");
    let mut some = server.subscribe("/logs/sse?fields=message,service&service==new&level=!=INFO");
    let mut older = server.subscribe_after("/logs/sse?fields=service", Some("0"));
    server.store(&json!([
        {"timestamp": 1, "message": "a", "service": "api", "extra": {"k": 1}},
        {"timestamp": 2, "message": "b", "service": "new", "level": "INFO"},
        {"timestamp": 3, "message": "c", "service": "new", "level": "ERROR"},
        {"timestamp": 4, "message": "d", "service": 7},
    ]));
    assert_eq!(
        all.rows(4),
        [
            json!({"message": "a", "service": "api", "extra": {"k": 1}}),
            json!({"message": "b", "service": "new", "extra": null}),
            json!({"message": "c", "service": "new", "extra": null}),
            json!({"message": "d", "service": 7, "extra": null}),
        ]
    );
    assert_eq!(some.rows(1), [json!({"message": "c", "service": "new"})]);
    let services: Vec<_> = older.rows(5).iter().map(|row| row["service"].clone()).collect();
    assert_eq!(services, [json!("api"), json!("api"), json!("new"), json!("new"), json!(7)]);
}

#[test]
fn dead_letters_show_values_as_they_were_sent() {
    let harvester = "harvesters:\n  - type: file\n    name: app\n    config: {path: app.log, start: beginning, format: json}";
    let home = Home::new(&config::with_table(TABLE, &format!("{COMPRESSION}\n{harvester}")));
    let lines = "{\"timestamp\":1,\"message\":\"stored\",\"service\":\"api\"}\n{\"timestamp\":2,\"service\":\"api\"}\n";
    fs::write(home.path().join("app.log"), lines).expect("the test's directory is writable");
    let server = home.start();
    let letter = eventually("the entry without a message is a dead letter", || {
        let letter = server.get("/dead-letters").at("/result/dead_letters/0");
        letter.is_object().then_some(letter)
    });
    assert_eq!(letter["entry"], "{\"timestamp\":2,\"service\":\"api\"}");
    assert_eq!(
        server.rows("/logs?fields=message,service"),
        json!([{"message": "stored", "service": "api"}])
    );
}

#[test]
fn the_schema_tells_what_is_compressed() {
    let server = start(COMPRESSION);
    let columns = server.get("/schema").at("/columns");
    let seen: Vec<_> = columns
        .as_array()
        .expect("columns")
        .iter()
        .map(|column| json!([column["name"], column["kind"], column["compressed"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!(["id", "integer", false]),
            json!(["timestamp", "datetime", false]),
            json!(["message", "text", false]),
            json!(["level", "text", true]),
            json!(["service", "text", true]),
            json!(["extra", "json", true]),
        ]
    );
}

/// A server whose rows' values `lost` are no longer in the dictionary.
fn damaged(delete: &str) -> Server {
    let server = start(COMPRESSION);
    let entry = |n: usize| {
        json!({"timestamp": n, "message": format!("m{n}"), "level": "INFO",
               "service": if n == 1500 { "lost" } else { "api" }})
    };
    server.store(&(0..2000).map(entry).collect());
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    home.database().execute_batch(delete).expect("deleted");
    home.start()
}

#[test]
fn a_lost_value_is_an_error_that_names_it_and_the_other_rows_are_served() {
    let server = damaged("DELETE FROM column_dictionary WHERE value = 'lost'");

    let answer = server.get("/logs?limit=1000");
    assert_eq!(answer.status, 500, "{answer:?}");
    let error = answer.error();
    assert!(error.contains("`service` in row 1501 is lost"), "{error}");
    assert!(error.contains("restore the rows of `column_dictionary`"), "{error}");

    assert_eq!(server.get("/logs?fields=id,level&limit=5000").column("level").len(), 2000);
    assert_eq!(server.query(&[("service", "=api"), ("limit", "5000")]).column("id").len(), 1999);
    assert_eq!(server.get("/logs?timestamp=<1500&limit=5000").column("service").len(), 1500);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_stream_is_broken_off_at_a_lost_value_and_the_log_tells_once() {
    let server = damaged("DELETE FROM column_dictionary WHERE value = 'lost'");

    let stream = server.try_send(&Request::get("/logs?format=ndjson&order=asc"));
    assert!(stream.is_err(), "{stream:?}");

    let lost = "row 1501 is lost";
    eventually("the log tells", || server.process().stderr().contains(lost).then_some(()));
    assert_eq!(server.get("/logs?fields=id&limit=1").status, 200);
    let log = server.process().stderr();
    assert_eq!(log.matches(lost).count(), 1, "{log}");
}

#[test]
fn a_subscriber_gets_the_rows_before_a_lost_value() {
    let server = damaged("DELETE FROM column_dictionary WHERE value = 'lost'");
    let mut subscriber = server.subscribe_after("/logs/sse?fields=id,service", Some("1400"));
    assert_eq!(subscriber.rows(100).len(), 100);
    let next = subscriber.next_within(Duration::from_secs(10));
    assert!(next.is_err(), "the stream ends: {next:?}");
}

#[test]
fn an_emptied_dictionary_leaves_what_needs_none() {
    let server = damaged("DELETE FROM column_dictionary");

    assert_eq!(server.get("/logs").status, 500);
    assert_eq!(server.get("/logs?fields=id,timestamp,message&limit=5000").column("id").len(), 2000);
    assert_eq!(server.get("/logs?service==api").at("/result/total"), 0);
    server.store(&json!({"timestamp": 9999, "message": "new", "level": "INFO", "service": "api"}));
    let found = server.get("/logs?service==api&level==INFO");
    assert_eq!(found.column("message"), ["new"]);
    assert_eq!(found.column("service"), ["api"]);
}

#[test]
fn a_million_values_are_read_and_found() {
    let server = start(COMPRESSION);
    server.store(&json!({"timestamp": 0, "message": "first", "service": "first"}));
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    home.database()
        .execute_batch(
            "BEGIN;
             WITH n(x) AS (SELECT 1001 UNION ALL SELECT x + 1 FROM n LIMIT 1000000)
             INSERT INTO column_dictionary (column, value_id, value) SELECT 'service', x, 'request-' || x FROM n;
             INSERT INTO Log (timestamp, message, service)
             SELECT value_id, 'm', value_id FROM column_dictionary WHERE value_id > 1000;
             UPDATE loglite_compression SET next_value_id = 2000000 WHERE column = 'service';
             COMMIT",
        )
        .expect("filled");
    let server = home.start();
    let total = |condition: &str| {
        server.query(&[("service", condition), ("limit", "1")]).at("/result/total")
    };
    assert_eq!(total("=request-77777"), 1);
    assert_eq!(total("!=request-77777"), 1_000_000);
    assert_eq!(total("~=QUEST-7777"), 111);
    assert_eq!(total(">=request-1"), 1_000_000);
    let rows = server.query(&[("service", "~=request-777"), ("limit", "3"), ("fields", "service")]);
    assert_eq!(rows.column("service"), ["request-777999", "request-777998", "request-777997"]);
    server.store(&json!({"timestamp": 9_999_999, "message": "last", "service": "request-5000"}));
    assert_eq!(total("=request-5000"), 2);
}

#[test]
fn frames_of_a_filtered_stream_are_silent_for_others() {
    let server = start(&format!("{COMPRESSION}\nsse_heartbeat_ms: 100"));
    let mut subscriber = server.subscribe("/logs/sse?fields=message&service==rare");
    server.store(&json!({"timestamp": 1, "message": "other", "service": "frequent"}));
    let frame = subscriber.next_within(Duration::from_secs(10)).expect("a stream");
    assert!(matches!(frame, Some(Frame::Comment(_))), "{frame:?}");
}
