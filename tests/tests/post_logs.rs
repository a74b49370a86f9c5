//! `POST /logs`: what is taken, how values are stored, and what the answer says of each entry.

use loglite_e2e::{Home, Request, Response, Server, compress, config};
use serde_json::{Value, json};

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

fn post(server: &Server, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
    let request = Request::post("/logs").body(body);
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    server.send(&headers.iter().fold(request, add))
}

/// What is in the table, oldest first.
fn messages(server: &Server) -> Vec<Value> {
    server.get("/logs?fields=message&order=asc&limit=1000").column("message")
}

#[test]
fn an_object_is_one_entry_and_an_array_many() {
    let server = start("");

    let one = server.post(r#"{"message": "a"}"#);
    let many = server.post(r#" [{"message": "b"}, {"message": "c"}] "#);
    let none = server.post("[]");

    let success = |stored: u32| json!({"status": "success", "result": {"stored": stored, "refused": [], "ignored_fields": []}});
    assert_eq!((one.status, one.json()), (200, success(1)));
    assert_eq!((many.status, many.json()), (200, success(2)));
    assert_eq!((none.status, none.json()), (200, success(0)));
    assert_eq!(one.header("content-type"), Some("application/json"));
    assert_eq!(messages(&server), ["a", "b", "c"]);
}

#[test]
fn one_object_per_line_is_stored_and_a_bad_line_refused_alone() {
    let server = start("");
    let body =
        "{\"message\":\"a\"}\r\n\n  \n{\"message\":\n{\"message\":\"b\"} x\n7\n{\"message\":\"c\"}";

    let answer = post(&server, &[("Content-Type", "application/x-ndjson")], body);

    assert_eq!(answer.status, 200);
    assert_eq!(answer.at("/result/stored"), 2);
    let indexes: Vec<_> =
        (0..4).map(|at| answer.at(&format!("/result/refused/{at}/index"))).collect();
    assert_eq!(indexes, [json!(1), json!(2), json!(3), Value::Null], "blank lines don't count");
    assert_eq!(messages(&server), ["a", "c"]);
}

#[test]
fn gzip_and_zstd_bodies_are_decompressed() {
    let server = start("");
    let json = |message: &str| format!("{{\"message\": \"{message}\"}}").into_bytes();
    let lines = |message: &str| [json(message), b"\n".to_vec()].concat();
    let two_members = [compress::gzip(&lines("c")), compress::gzip(&lines("d"))].concat();

    let answers = [
        post(&server, &[("Content-Encoding", "gzip")], compress::gzip(&json("a"))),
        post(&server, &[("Content-Encoding", "zstd")], compress::zstd(&json("b"))),
        post(
            &server,
            &[("Content-Encoding", "gzip"), ("Content-Type", "application/x-ndjson")],
            two_members,
        ),
        post(&server, &[("Content-Encoding", "identity")], json("e")),
    ];

    assert_eq!(answers.map(|answer| answer.status), [200; 4]);
    assert_eq!(messages(&server), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_body_that_is_not_what_its_encoding_says_is_400() {
    let server = start("");
    let whole = compress::gzip(br#"{"message": "a"}"#);
    let cut = whole.get(..whole.len() - 9).expect("gzip is longer than that");

    for (encoding, body) in [("gzip", b"{}".as_slice()), ("zstd", b"{}"), ("gzip", cut)] {
        let answer = post(&server, &[("Content-Encoding", encoding)], body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.error().to_lowercase().contains(encoding), "{answer:?}");
    }
    assert!(messages(&server).is_empty());
}

#[test]
fn what_curl_and_older_clients_call_the_body_is_read_as_json() {
    let server = start("");
    let types = [
        "application/x-www-form-urlencoded",
        "text/plain; charset=utf-8",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/vnd.log+json",
    ];
    for kind in types {
        let answer = post(&server, &[("Content-Type", kind)], r#"{"message": "a"}"#);
        assert_eq!(answer.status, 200, "{kind}: {answer:?}");
    }
    assert_eq!(post(&server, &[], r#"{"message": "a"}"#).status, 200);
    assert_eq!(messages(&server).len(), types.len() + 1);
}

#[test]
fn unknown_content_types_and_encodings_are_415_and_name_the_known_ones() {
    let server = start("");

    let kind = post(&server, &[("Content-Type", "application/xml")], "<a/>");
    let encoding = post(&server, &[("Content-Encoding", "br")], "{}");

    assert_eq!((kind.status, encoding.status), (415, 415));
    assert!(kind.error().contains("application/xml"), "{kind:?}");
    assert!(kind.error().contains("application/x-ndjson"), "{kind:?}");
    assert!(encoding.error().contains("zstd"), "{encoding:?}");
}

#[test]
fn values_keep_their_meaning() {
    let server = start("");
    server.store(&json!({
        "timestamp": "2024-05-06T07:08:09Z", "level": "ERROR", "message": "quote \" \u{1f980}\n\u{0}é",
        "line": i64::MAX, "ratio": 0.1, "ok": true, "extra": {"b": [1.50, null, "x y"], "a": {}}
    }));
    server.store(
        &json!({"message": "", "line": i64::MIN, "ratio": -1e300, "ok": false, "extra": [1]}),
    );
    let exact =
        server.post(r#"{"message": "raw", "extra": { "n" : 1.10, "big": 123456789012345678901 }}"#);
    assert_eq!(exact.status, 200);

    let rows = server.rows("/logs?fields=message,line,ratio,ok,extra&order=asc");
    let text = server.get("/logs?fields=extra&message==raw").text();

    let first = rows.get(0).expect("the oldest timestamp");
    assert_eq!(
        *first,
        json!({"message": "quote \" \u{1f980}\n\u{0}é", "line": i64::MAX, "ratio": 0.1, "ok": 1,
               "extra": {"b": [1.50, null, "x y"], "a": {}}})
    );
    let second = json!({"message": "", "line": i64::MIN, "ratio": -1e300, "ok": 0, "extra": [1]});
    assert_eq!(rows.get(1), Some(&second));
    assert!(text.contains(r#""extra":{"n":1.10,"big":123456789012345678901}"#), "{text}");
}

#[test]
fn a_missing_column_takes_its_default_and_null_is_null() {
    let server = start("");
    server.store(&json!({"message": "a"}));

    let null = server.post(r#"{"message": "b", "service": null, "level": null}"#);

    let row = server.rows("/logs?fields=timestamp,level,service,line");
    assert_eq!(row.pointer("/0/level"), Some(&json!("INFO")));
    assert_eq!(row.pointer("/0/service"), Some(&Value::Null));
    let timestamp = row.pointer("/0/timestamp").and_then(Value::as_str).expect("a default");
    assert!(timestamp.starts_with("20") && timestamp.ends_with('Z'), "{timestamp}");
    assert_eq!(null.status, 400, "an explicit null is no missing column");
    assert!(null.error().contains("NOT NULL constraint failed: Log.level"), "{null:?}");
}

#[test]
fn the_row_id_of_a_payload_is_ignored() {
    let server = start("");

    let answer = server.post(r#"[{"id": 900, "message": "a"}, {"id": "x", "message": "b"}]"#);

    assert_eq!(answer.at("/result"), json!({"stored": 2, "refused": [], "ignored_fields": []}));
    assert_eq!(server.get("/logs?order=asc").column("id"), [1, 2]);
}

#[test]
fn unknown_keys_are_dropped_and_reported_once() {
    let server = start("");

    let answer = server.post(
        r#"[{"message": "a", "user": 1}, {"message": "b", "user": 2, "Level": "x"}, {"host": 3}]"#,
    );

    assert_eq!(answer.at("/result/stored"), 2);
    assert_eq!(answer.at("/result/ignored_fields"), json!(["Level", "host", "user"]));
    assert_eq!(server.get("/logs?fields=extra").column("extra"), [Value::Null, Value::Null]);
}

#[test]
fn unknown_keys_are_folded_into_the_column_that_the_config_names() {
    let server = start("unknown_fields_column: extra");
    let entries = json!([
        {"message": "a", "user": 1, "tags": ["x"]},
        {"message": "b", "user": 2, "extra": {"own": true, "user": 0}},
        {"message": "c", "user": 3, "extra": "text"},
        {"message": "d"}
    ]);

    let answer = server.post(entries.to_string());

    assert_eq!(answer.at("/result"), json!({"stored": 4, "refused": [], "ignored_fields": []}));
    assert_eq!(
        server.get("/logs?order=asc").column("extra"),
        [
            json!({"user": 1, "tags": ["x"]}),
            json!({"own": true, "user": 2}),
            json!({"extra": "text", "user": 3}),
            Value::Null
        ]
    );
}

#[test]
fn of_a_repeated_key_the_last_value_counts() {
    let server = start("");
    assert_eq!(server.post(r#"{"message": "a", "message": "b"}"#).status, 200);
    assert_eq!(messages(&server), ["b"]);
}

#[test]
fn half_a_surrogate_pair_is_replaced_and_the_entry_stored() {
    let server = start("");

    let answer = server.post(r#"[{"message": "a\udc80\ud83d\ude00b"}, {"message": "\ud800"}]"#);

    assert_eq!(answer.at("/result/stored"), 2, "{answer:?}");
    assert_eq!(messages(&server), ["a\u{fffd}😀b", "\u{fffd}"]);
}

#[test]
fn a_large_array_is_stored_whole_and_in_order() {
    let server = start("");
    let entries: Vec<_> = (0..5_000).map(|n| json!({"message": "m", "line": n})).collect();

    server.store(&Value::from(entries));

    let lines = server.get("/logs?fields=line&limit=5000&id=>0&order=asc").column("line");
    assert_eq!(lines.len(), 5_000);
    let by_id = server.home().database();
    let disordered: u32 = by_id
        .query_row("SELECT count(*) FROM Log WHERE line != id - 1", [], |row| row.get(0))
        .expect("a query");
    assert_eq!(disordered, 0);
}
