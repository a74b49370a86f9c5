//! The HTTP server itself: unknown paths and methods, HEAD, keep-alive, request ids, slow clients.

use loglite_e2e::{Home, Request, Server, config};
use serde_json::json;

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

#[test]
fn an_unknown_path_is_404_and_names_the_known_ones() {
    let server = start("");
    for path in ["/", "/log", "/logs/", "/logs/sse/x", "//logs", "/logs%00", "/../etc/passwd"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.error().contains("/logs/sse"), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_method_that_a_path_does_not_answer_is_405_and_names_those_it_does() {
    let server = start("");
    for (method, path, allowed) in [
        ("DELETE", "/logs", "GET, POST"),
        ("PUT", "/logs", "GET, POST"),
        ("POST", "/health", "GET"),
        ("POST", "/logs/sse", "GET"),
        ("PROPFIND", "/schema", "GET"),
    ] {
        let answer = server.send(&Request::new(method, path));
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
        assert!(answer.error().contains(allowed), "{answer:?}");
    }
}

#[test]
fn head_answers_as_get_without_the_body() {
    let server = start("");
    server.store(&json!({"message": "a"}));
    let mut connection = server.connect();

    let head = connection.send(&Request::new("HEAD", "/logs")).expect("an answer");
    let get = connection.send(&Request::get("/logs")).expect("the connection goes on");

    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    assert_eq!(get.at("/result/total"), 1);
}

#[test]
fn one_connection_carries_many_requests_errors_included() {
    let server = start("");
    let mut connection = server.connect();
    for n in 1..=20 {
        let entry = json!({"message": n.to_string()}).to_string();
        let stored = connection.send(&Request::post("/logs").body(entry)).expect("an answer");
        let refused = connection.send(&Request::post("/logs").body("{")).expect("an answer");
        let missing = connection.send(&Request::get("/nowhere")).expect("an answer");
        let count = connection.send(&Request::get("/logs?limit=0")).expect("an answer");
        assert_eq!([stored.status, refused.status, missing.status], [200, 400, 404]);
        assert_eq!(count.at("/result/total"), n);
    }
}

#[test]
fn requests_sent_without_waiting_are_answered_in_order() {
    let server = start("");
    let mut connection = server.connect();
    let mut bytes = Vec::new();
    for n in 0..5 {
        bytes.extend(Request::post("/logs").body(format!("{{\"message\": \"{n}\"}}")).to_bytes());
        bytes.extend(Request::get("/logs?limit=0").to_bytes());
    }

    connection.write(&bytes).expect("the server reads");

    for n in 1..=5 {
        assert_eq!(connection.read_response().expect("an answer").at("/result/stored"), 1);
        assert_eq!(connection.read_response().expect("an answer").at("/result/total"), n);
    }
}

#[test]
fn comparisons_may_stand_in_a_target_as_they_are() {
    let server = start("");
    let mut connection = server.connect();
    let message = "GET /?<\"> HTTP/1.1\r\n\r\n<>";
    for line in 1..=3 {
        let entry = json!({"message": message, "line": line}).to_string() + "\r\n";
        let stored = connection.send(&Request::post("/logs").body(entry)).expect("an answer");
        assert_eq!(stored.at("/result/stored"), 1, "{stored:?}");
        let target = "/logs?fields=message,line&line=>0,<=3,>=1&message=~=\"><";
        let found = connection.send(&Request::get(target)).expect("an answer");
        assert_eq!(found.at("/result/total"), 0, "{found:?}");
        let target = format!("/logs?fields=message&line=<={line},>={line}&message=~=<\">");
        let found = connection.send(&Request::get(&target)).expect("an answer");
        assert_eq!(found.column("message"), [message], "bodies are left as they are");
    }
}

#[test]
fn a_client_may_ask_for_the_connection_to_be_closed() {
    let server = start("");
    let mut connection = server.connect();
    let request = Request::get("/health").header("Connection", "close");
    assert_eq!(connection.send(&request).expect("an answer").status, 200);
    assert!(connection.read_to_end().expect("closed in time").is_empty());
}

#[test]
fn a_client_that_waits_for_permission_to_send_its_body_gets_it() {
    let server = start("");
    let mut connection = server.connect();
    let head =
        "POST /logs HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\nExpect: 100-continue\r\n\r\n";
    connection.write(head.as_bytes()).expect("the server reads");
    assert_eq!(connection.read_response().expect("a go-ahead").status, 100);

    connection.write(br#"{"message": "a"}"#).expect("the server reads");

    assert_eq!(connection.read_response().expect("an answer").status, 200);
}

#[test]
fn requests_have_ids_the_client_s_own_or_distinct_ones() {
    let server = start("");

    let own = server.send(&Request::get("/health").header("X-Request-Id", "deploy 7/a"));
    let given: Vec<_> = (0..3)
        .map(|_| server.get("/health").header("x-request-id").expect("an id").to_owned())
        .collect();
    let error = server.send(&Request::get("/nowhere").header("X-Request-Id", "e"));

    assert_eq!(own.header("x-request-id"), Some("deploy 7/a"));
    assert_eq!(error.header("x-request-id"), Some("e"));
    assert!(given.iter().all(|id| !id.is_empty()), "{given:?}");
    assert_eq!(given.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{given:?}");
}

#[test]
fn the_log_names_requests_by_their_ids_and_tells_nothing_of_entries() {
    let server = start("debug: true");
    let request = Request::post("/logs?x").header("X-Request-Id", "find-me");
    assert_eq!(server.send(&request.body(r#"{"message": "hidden-text"}"#)).status, 200);

    loglite_e2e::eventually("the request is logged", || {
        server.process().stderr().contains("find-me").then_some(())
    });
    let exit = server.stop();

    let line = exit.stderr.lines().find(|line| line.contains("find-me")).unwrap_or_default();
    assert!(line.contains("POST") && line.contains("/logs") && line.contains("200"), "{line}");
    assert!(!exit.stderr.contains("hidden-text"), "{}", exit.stderr);
}

#[test]
fn what_is_no_http_is_answered_or_closed_and_hurts_nobody() {
    let server = start("");
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    for bytes in [
        "\r\n\r\n\r\n",
        "hello\r\n\r\n",
        "GET /logs\r\n\r\n",
        "GET /logs HTTP/3.0\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
        "POST /logs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /logs HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /logs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        long.as_str(),
        many.as_str(),
    ] {
        let mut connection = server.connect();
        // The server may close before all is sent.
        if connection.write(bytes.as_bytes()).is_ok() {
            connection.socket().shutdown(std::net::Shutdown::Write).ok();
        }
        let answer = connection.read_to_end().expect("closed in time");
        let text = String::from_utf8_lossy(&answer);
        let start: String = bytes.chars().take(60).collect();
        assert!(answer.is_empty() || text.starts_with("HTTP/1.1 4"), "{start:?}: {text}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_client_too_slow_with_its_headers_is_disconnected() {
    let server = start("header_timeout_ms: 300");
    let mut silent = server.connect();
    let mut halting = server.connect();
    halting.write(b"GET /health HTTP/1.1\r\nHos").expect("the server reads");

    let silence = silent.read_to_end().expect("closed in time");
    halting.read_to_end().expect("closed in time");

    assert!(silence.is_empty());
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_client_too_slow_with_its_body_is_408() {
    let server = start("body_timeout_ms: 300");
    let mut connection = server.connect();
    let head = "POST /logs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"message\": ";
    connection.write(head.as_bytes()).expect("the server reads");

    let answer = connection.read_response().expect("an answer");

    assert_eq!(answer.status, 408);
    assert!(answer.error().contains("body_timeout_ms"), "{answer:?}");
}

#[test]
fn connections_past_the_limit_wait_until_one_closes() {
    let server = start("max_connections: 2");
    let held = [server.connect(), server.connect()];
    let mut third = server.connect();
    third.write(&Request::get("/health").to_bytes()).expect("the backlog takes it");
    third.set_patience(std::time::Duration::from_millis(300)).expect("a timeout can be set");
    assert!(third.read_response().is_err(), "two others are served");

    drop(held);

    third.set_patience(loglite_e2e::DEADLINE).expect("a timeout can be set");
    assert_eq!(third.read_response().expect("an answer").status, 200);
}

#[test]
fn pages_of_other_origins_than_the_configured_ones_may_not_write() {
    let server = start("allow_origin: https://app.example");
    // Plain text: browsers send it without asking first.
    let post = |origin: &str| {
        let request = Request::post("/logs").header("Origin", origin);
        server.send(&request.header("Content-Type", "text/plain").body(r#"{"message": "a"}"#))
    };

    let foreign = post("https://evil.example");
    let allowed = post("https://app.example");
    let program = server.post(r#"{"message": "b"}"#);

    assert_eq!(foreign.status, 403, "{foreign:?}");
    assert!(foreign.error().contains("`allow_origin`"), "{foreign:?}");
    assert_eq!([allowed.status, program.status], [200, 200]);
    assert_eq!(server.get("/logs").at("/result/total"), 2);
    assert!(server.get("/logs").header("vary").is_some(), "caches must tell origins apart");
}
