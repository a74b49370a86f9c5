//! Clients that send half a request, or read nothing, cost little and hold up nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use loglite_e2e::{Connection, DEADLINE, Frame, Home, Request, Server, Sse, config, eventually};
use serde_json::{Value, json};

const HALF_SENT: usize = 300;
const HALF_A_HEAD: &[u8] = b"POST /logs HTTP/1.1\r\nHost: loglite\r\nContent-Le";
const HALF_A_BODY: &[u8] =
    b"POST /logs HTTP/1.1\r\nHost: loglite\r\nContent-Length: 100\r\n\r\n{\"message\":";

/// Rows that the kernel's buffers can't hold, about 400 bytes each.
const ROWS: usize = 200_000;
const ROWS_PER_POST: usize = 1000;
const STALLED: usize = 5;
/// Far below what the rows of one stalled subscriber take, and far above what the service needs.
const MEMORY_LIMIT: u64 = 96 << 20;

/// Connections that have sent the beginning of a request, held open.
fn half_sent(server: &Server, count: usize, part: &[u8]) -> Vec<Connection> {
    let begin = |_| {
        let mut connection = server.connect();
        connection.write(part).expect("connected");
        connection
    };
    (0..count).map(begin).collect()
}

fn assert_serves(server: &Server, number: usize) {
    server.store(&json!({"message": "served", "line": number}));
    let path = format!("/logs?line=={number}&fields=message");
    assert_eq!(server.rows(&path), json!([{"message": "served"}]));
}

#[test]
fn others_are_served_while_half_sent_requests_are_held_open() {
    let keys = "header_timeout_ms: 600000\nbody_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    let heads = half_sent(&server, HALF_SENT, HALF_A_HEAD);
    let bodies = half_sent(&server, HALF_SENT, HALF_A_BODY);
    eventually("all of them are accepted", || {
        (gauge(&server, "loglite_http_connections") >= 2 * HALF_SENT).then_some(())
    });
    for number in 0..20 {
        assert_serves(&server, number);
    }
    drop((heads, bodies));
    eventually("what they held is given back", || {
        (gauge(&server, "loglite_http_connections") < 10).then_some(())
    });
}

#[test]
fn half_sent_headers_are_closed_by_the_timeout() {
    let keys = "header_timeout_ms: 1000\nbody_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    for mut connection in half_sent(&server, HALF_SENT, HALF_A_HEAD) {
        let answer = connection.read_to_end().expect("closed in time");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    }
    assert_serves(&server, 1);
}

#[test]
fn half_sent_bodies_are_answered_and_closed_by_the_timeout() {
    let keys = "header_timeout_ms: 600000\nbody_timeout_ms: 1000";
    let server = Home::new(&config::with(keys)).start();
    for mut connection in half_sent(&server, HALF_SENT, HALF_A_BODY) {
        let answer = connection.read_response().expect("an answer in time");
        assert_eq!(answer.status, 408, "{answer:?}");
        assert!(answer.error().contains("`body_timeout_ms`"), "{answer:?}");
        assert!(connection.read_to_end().expect("closed in time").is_empty());
    }
    assert_serves(&server, 1);
    assert_eq!(server.get("/logs").at("/result/total"), 1);
}

#[test]
fn a_body_that_trickles_is_ended_by_the_timeout() {
    let server = Home::new(&config::with("body_timeout_ms: 1000")).start();
    let mut connection = server.connect();
    connection.write(HALF_A_BODY).expect("connected");
    connection.set_patience(Duration::from_millis(100)).expect("a socket has a timeout");
    // One byte now and then: each is in time, the whole is not.
    let answer = eventually("the server has had enough", || {
        let mut answer = [0; 12];
        match connection.socket().read_exact(&mut answer) {
            Ok(()) => Some(answer),
            // It may have closed already; then the next read tells.
            Err(_) => connection.write(b" ").map_or(None, |()| None),
        }
    });
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn a_house_full_of_idlers_is_freed_by_the_timeouts() {
    let keys = "max_connections: 4\nheader_timeout_ms: 1000\nbody_timeout_ms: 1000";
    let server = Home::new(&config::with(keys)).start();
    let _heads = half_sent(&server, 4, HALF_A_HEAD);
    let _bodies = half_sent(&server, 4, HALF_A_BODY);
    let _silent = half_sent(&server, 4, b"");
    assert_serves(&server, 1);
}

#[test]
fn subscribers_that_stop_reading_cost_little_and_delay_nobody() {
    let keys = "sse_debounce_ms: 0\nbody_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    let stalled: Vec<Sse> = (0..STALLED).map(|_| server.subscribe("/logs/sse")).collect();
    let mut reading = server.subscribe("/logs/sse?fields=line");
    let reader = std::thread::spawn(move || {
        let until = Instant::now() + 3 * DEADLINE;
        let mut lines = Vec::new();
        while lines.len() < ROWS && Instant::now() < until {
            if let Some(Frame::Event(event)) = reading.next_within(DEADLINE).expect("it goes on") {
                lines.extend(event.rows.iter().rev().map(line));
            }
        }
        lines
    });
    let mut most = 0;
    let mut connection = server.connect();
    for number in 0..ROWS / ROWS_PER_POST {
        post_rows(&mut connection, number * ROWS_PER_POST);
        most = most.max(server.process().memory_bytes());
    }

    let lines = reader.join().expect("the reader does not panic");

    assert!(lines.iter().copied().eq(0..ROWS as u64), "{} of {ROWS} rows in order", lines.len());
    most = most.max(server.process().memory_bytes());
    assert!(most < MEMORY_LIMIT, "{} MB", most >> 20);
    assert_eq!(gauge(&server, "loglite_sse_subscribers"), STALLED);

    // A stalled one that wakes up has missed nothing.
    let mut woken = stalled.into_iter().next().expect("there are several");
    let rows = woken.rows(ROWS);
    assert!(rows.iter().map(line).eq(0..ROWS as u64), "{} of {ROWS} rows in order", rows.len());
}

#[test]
fn an_export_that_nobody_reads_holds_up_nobody() {
    let server = Home::new(&config::with("db_pool_size: 1")).start();
    let mut connection = server.connect();
    for number in 0..20 {
        post_rows(&mut connection, number * ROWS_PER_POST);
    }
    let before = server.process().memory_bytes();
    let exports: Vec<TcpStream> = (0..5).map(|_| stalled_export(&server)).collect();

    for number in 1_000_000..1_000_020 {
        assert_serves(&server, number);
    }

    let growth = server.process().memory_bytes().saturating_sub(before);
    assert!(growth < MEMORY_LIMIT / 2, "{} MB", growth >> 20);
    drop(exports);
}

#[test]
fn readers_that_stop_lose_their_places_to_others() {
    let server = Home::new(&config::with("max_connections: 2")).start();
    let mut connection = server.connect();
    for number in 0..30 {
        post_rows(&mut connection, number * ROWS_PER_POST);
    }
    drop(connection);
    let _stalled = [stalled_export(&server), stalled_export(&server)];
    // Waits for one of them to be given up.
    assert_serves(&server, 1_000_000);
}

#[test]
fn bodies_of_many_requests_are_bounded_in_all() {
    let keys = "max_body_size: 1MB\ningest_queue_size: 1MB\nbody_timeout_ms: 600000";
    let server = Home::new(&config::with(keys)).start();
    let part = format!("{{\"message\": \"{}", "x".repeat(600_000));
    let head = "POST /logs HTTP/1.1\r\nHost: loglite\r\nContent-Length: 700000\r\n\r\n";
    let mut held = half_sent(&server, 1, [head, &part].concat().as_bytes());
    let body = format!("{part}\"}}");

    let refused = eventually("there is no room for another", || {
        let answer = server.post(body.as_str());
        (answer.status != 200).then_some(answer)
    });

    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert!(refused.error().contains("`ingest_queue_size`"), "{refused:?}");
    assert_serves(&server, 1);
    let rest = format!("\"}}{}", " ".repeat(700_000 - part.len() - 2));
    for connection in &mut held {
        connection.write(rest.as_bytes()).expect("the server reads");
        assert_eq!(connection.read_response().expect("an answer").status, 200);
    }
    assert_eq!(server.post(body.as_str()).status, 200, "what it held is given back");
}

/// An export of which only the beginning is read.
fn stalled_export(server: &Server) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).expect("connected");
    let request = Request::get("/logs?format=ndjson").to_bytes();
    socket.write_all(&request).expect("connected");
    socket.read_exact(&mut [0; 100]).expect("the answer begins");
    socket
}

fn post_rows(connection: &mut Connection, first: usize) {
    let text = "x".repeat(300);
    let entry = |line| json!({"message": text, "line": line});
    let body = Value::from_iter((first..first + ROWS_PER_POST).map(entry)).to_string();
    let answer = connection.send(&Request::post("/logs").body(body)).expect("an answer");
    assert_eq!(answer.at("/result/stored"), ROWS_PER_POST, "{answer:?}");
}

fn line(row: &Value) -> u64 {
    row.get("line").and_then(Value::as_u64).expect("each row has a line")
}

/// A number in `GET /metrics`.
fn gauge(server: &Server, name: &str) -> usize {
    let text = server.get("/metrics").text();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = lines.next().and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}
