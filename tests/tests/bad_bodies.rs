//! `POST /logs`: bodies that hold no entries are answered, store nothing, and hurt nobody.

use loglite_e2e::{Home, Request, Server, compress, config, eventually};
use serde_json::json;

const DEPTH: usize = 100_000;
const MB: usize = 1 << 20;

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// The server takes entries as before, and has stored nothing but this one.
fn check_unharmed(server: &Server) {
    server.store(&json!({"message": "after"}));
    assert_eq!(server.get("/logs?fields=message").column("message"), ["after"]);
}

#[test]
fn bodies_without_entries_are_400_and_say_what_was_found() {
    let server = start("");
    for (body, reason) in [
        ("42", "found a number"),
        ("-1.5e3", "found a number"),
        ("\"x\"", "found a string"),
        ("null", "found null"),
        ("true", "found a boolean"),
        ("", "found an empty body"),
        (" \n", "found an empty body"),
        ("[1]", "expected a JSON object, found a number"),
        ("[[1]]", "expected a JSON object, found an array"),
        ("[null, \"x\"]", "expected a JSON object, found null"),
    ] {
        let answer = server.post(body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.error().contains(reason), "{body}: {answer:?}");
    }
    check_unharmed(&server);
}

#[test]
fn text_that_is_no_json_is_400_and_nothing_of_it_counts() {
    let server = start("");
    for body in [
        r#"{"message": "a""#,
        r#"[{"message": "a"}, {"message": "b"#,
        r#"[{"message": "a"},]"#,
        r#"[{"message": "a"}"#,
        r#"{"message": "a"} {"message": "b"}"#,
        r#"{"message": "a"}}"#,
        r#"{"message": NaN}"#,
        r#"{"message": "a", "ratio": Infinity}"#,
        r"{'message': 'a'}",
        r#"{"message": "a", "line": 01}"#,
        r#"{"message": "\x"}"#,
        "{\"message\": \"line\nend\"}",
        "message=a",
        "<html>",
    ] {
        let answer = server.post(body);
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(!answer.error().is_empty(), "{body}");
    }
    check_unharmed(&server);
}

#[test]
fn two_objects_in_a_row_are_answered_with_the_type_that_allows_them() {
    let answer = start("").post("{\"message\": \"a\"}\n{\"message\": \"b\"}\n");
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("application/x-ndjson"), "{answer:?}");
}

#[test]
fn bytes_that_are_no_utf8_are_400_and_as_a_line_refused_alone() {
    let server = start("");
    let bad = b"{\"message\": \"\xff\xfe\"}".to_vec();

    let whole = server.post(bad.clone());
    let lines = [bad, b"\n{\"message\": \"after\"}\n".to_vec()].concat();
    let request = Request::post("/logs").header("Content-Type", "application/x-ndjson");
    let line = server.send(&request.body(lines));

    assert_eq!(whole.status, 400);
    assert!(whole.error().contains("UTF-8"), "{whole:?}");
    assert_eq!((line.status, line.at("/result/stored")), (200, json!(1)));
    assert_eq!(line.at("/result/refused/0/index"), 0);
    assert_eq!(server.get("/logs?limit=0").at("/result/total"), 1);
}

#[test]
fn nesting_100_000_deep_is_refused() {
    let server = start("unknown_fields_column: extra");
    let deep = |open: &str, close: &str| open.repeat(DEPTH) + &close.repeat(DEPTH);
    let arrays = deep("[", "]");
    let objects = deep("{\"a\":", "}").replace(":}", ":1}");
    for body in [
        arrays.clone(),
        "[".repeat(DEPTH),
        "[{\"a\":".repeat(DEPTH),
        format!("{{\"message\": \"x\", \"extra\": {arrays}}}"),
        format!("{{\"message\": \"x\", \"extra\": {objects}}}"),
        format!("{{\"message\": \"x\", \"unknown\": {arrays}}}"),
        format!("{{\"message\": {arrays}}}"),
        format!("{{\"id\": 1, \"message\": {objects}}}"),
    ] {
        let answer = server.post(body);
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    check_unharmed(&server);
}

#[test]
fn a_deep_entry_is_refused_alone() {
    let server = start("");
    let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);

    let answer = server.post(format!(
        "[{{\"message\": \"a\"}}, {{\"message\": \"b\", \"extra\": {deep}}}, {{\"message\": \"c\"}}]"
    ));

    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(2)));
    assert!(answer.at("/result/refused/0/error").to_string().contains("deeper than"), "{answer:?}");
}

#[test]
fn a_body_of_20_mb_is_413_and_names_the_limit() {
    let server = start("");
    let body = format!("{{\"message\": \"{}\"}}", "x".repeat(20 * MB));

    let answer = server.post(body);

    assert_eq!(answer.status, 413);
    assert!(answer.error().contains("16MB (`max_body_size`"), "{answer:?}");
    check_unharmed(&server);
}

#[test]
fn a_body_within_a_raised_limit_is_stored() {
    let server = start("max_body_size: 32MB");
    let message = "x".repeat(20 * MB);

    server.store(&json!({"message": message}));

    let answer = server.get("/logs?fields=message");
    assert_eq!(answer.column("message"), [message]);
}

#[test]
fn a_body_of_unannounced_length_is_413_once_it_is_too_long() {
    let server = start("max_body_size: 1MB");
    let mut connection = server.connect();
    let head = "POST /logs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write(head.as_bytes()).expect("the server reads");

    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // The server may stop reading once it has answered.
    let sent = (0..64).take_while(|_| connection.write(chunk.as_bytes()).is_ok()).count();

    assert!(sent >= 16, "{sent} chunks make 1 MB");
    let answer = connection.read_response().expect("an answer");
    assert_eq!(answer.status, 413);
    check_unharmed(&server);
}

#[test]
fn a_gzip_bomb_is_413_and_its_content_is_never_held() {
    let server = start("");
    let resident = || server.process().peak_memory_mb();
    let before = resident();

    let request = Request::post("/logs").header("Content-Encoding", "gzip");
    let answer = server.send(&request.body(compress::gzip_bomb(512)));

    assert_eq!(answer.status, 413, "{answer:?}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 128, "{grown} MB more than before");
    check_unharmed(&server);
}

#[test]
fn a_full_queue_is_429_with_retry_after_and_what_was_taken_is_stored() {
    let server = start("ingest_queue_size: 1KB");
    let database = server.home().database();
    database.execute_batch("BEGIN IMMEDIATE").expect("the writer is idle");
    let entry = |name: &str| json!({"message": format!("{name} {}", "x".repeat(2000))}).to_string();

    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post(entry("first")));
        eventually("the first entry fills the queue", || {
            let full = server.get("/metrics").text().contains("loglite_queue_bytes 1024");
            full.then_some(())
        });

        let refused = server.post(entry("second"));

        assert_eq!(refused.status, 429);
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.error().contains("ingest_queue_size"), "{refused:?}");
        database.execute_batch("COMMIT").expect("the lock is ours");
        assert_eq!(waiting.join().expect("no panic").status, 200);
    });

    assert_eq!(server.post(entry("third")).status, 200);
    assert_eq!(server.get("/logs?limit=0&message=~=second").at("/result/total"), 0);
    assert_eq!(server.get("/logs?limit=0").at("/result/total"), 2);
}

#[test]
fn a_small_body_that_unfolds_into_millions_of_entries_is_413() {
    let server = start("");
    let lines = compress::gzip("1\n".repeat(4 * MB).as_bytes());
    let array = compress::gzip(format!("[{}1]", "1,".repeat(4 * MB)).as_bytes());
    let gzip = |body, kind| {
        Request::post("/logs")
            .header("Content-Encoding", "gzip")
            .header("Content-Type", kind)
            .body(body)
    };

    for request in [gzip(lines, "application/x-ndjson"), gzip(array, "application/json")] {
        let answer = server.send(&request);
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.error().contains("entries"), "{answer:?}");
    }
    check_unharmed(&server);
}
