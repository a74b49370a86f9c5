//! `GET /logs/sse`: every committed row reaches every subscriber exactly once, in commit order.

use std::time::{Duration, Instant};

use loglite_e2e::{Event, Frame, Home, Request, Server, config, eventually};
use serde_json::{Value, json};

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

fn field<'a>(row: &'a Value, name: &str) -> &'a Value {
    row.get(name).unwrap_or_else(|| panic!("no {name} in {row}"))
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| field(row, "id").as_i64().expect("an id")).collect()
}

fn messages(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| field(row, "message").as_str().expect("a text")).collect()
}

#[test]
fn every_row_reaches_every_subscriber_exactly_once_while_many_post() {
    const CLIENTS: usize = 4;
    const POSTS: usize = 60;
    let server = start("sse_debounce_ms: 5\nsse_limit: 50");
    let mut subscribers: Vec<_> =
        (0..3).map(|_| server.subscribe("/logs/sse?fields=id,message")).collect();
    // Posts of 1 to 7 entries.
    let total: usize = CLIENTS * (0..POSTS).map(|post| post % 7 + 1).sum::<usize>();

    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                for post in 0..POSTS {
                    let entry = |n| json!({"message": format!("{client}/{post}/{n}")});
                    server.store(&(0..post % 7 + 1).map(entry).collect::<Vec<_>>().into());
                }
            });
        }
        for subscriber in &mut subscribers {
            scope.spawn(move || {
                let rows = subscriber.rows(total);
                let expected: Vec<_> = (1..=i64::try_from(total).expect("small")).collect();
                assert_eq!(ids(&rows), expected);
            });
        }
    });

    let stored = server.get("/logs?order=asc&limit=10000&id=>0").column("message");
    assert_eq!(stored.len(), total);
}

#[test]
fn an_event_is_newest_first_and_its_id_is_the_newest_row_id() {
    let server = start("sse_debounce_ms: 0");
    let mut subscriber = server.subscribe("/logs/sse?fields=message,id");

    server.store(&json!([{"message": "a"}, {"message": "b"}, {"message": "c"}]));

    let rows = vec![
        json!({"message": "c", "id": 3}),
        json!({"message": "b", "id": 2}),
        json!({"message": "a", "id": 1}),
    ];
    assert_eq!(subscriber.event(), Event { id: "3".into(), rows });
}

#[test]
fn a_subscription_starts_with_what_is_committed_from_then_on() {
    let server = start("sse_debounce_ms: 0");
    server.store(&json!({"message": "before"}));
    let mut subscriber = server.subscribe("/logs/sse");

    server.store(&json!({"message": "after"}));

    let rows = subscriber.event().rows;
    assert_eq!(messages(&rows), ["after"]);
    let columns: Vec<_> = rows.first().and_then(Value::as_object).expect("a row").keys().collect();
    assert_eq!(
        columns,
        ["id", "timestamp", "level", "service", "message", "line", "ratio", "ok", "extra"],
        "all columns unless `fields` names some"
    );
}

#[test]
fn last_event_id_resumes_without_gap_or_repetition() {
    let server = start("sse_debounce_ms: 0\nsse_limit: 4");
    let mut first = server.subscribe("/logs/sse?fields=id,message");
    let entry = |n: i64| json!({"message": n.to_string()});
    server.store(&(1..=10).map(entry).collect::<Vec<_>>().into());
    let seen = first.event();
    drop(first);
    server.store(&(11..=15).map(entry).collect::<Vec<_>>().into());

    let mut second = server.subscribe_after("/logs/sse?fields=id,message", Some(&seen.id));
    let rest = second.rows(15 - seen.rows.len());
    server.store(&entry(16));
    let live = second.event();

    let mut all: Vec<_> = seen.rows.iter().rev().cloned().collect();
    all.extend(rest);
    all.extend(live.rows);
    assert_eq!(ids(&all), (1..=16).collect::<Vec<_>>());
}

#[test]
fn last_event_id_resumes_across_a_restart() {
    let home = Home::new(&config::with("sse_debounce_ms: 0"));
    let server = home.start();
    server.store(&json!([{"message": "a"}, {"message": "b"}, {"message": "c"}]));
    assert_eq!(server.stop().code, Some(0));
    let server = home.start();
    server.store(&json!({"message": "d"}));

    let rows = server.subscribe_after("/logs/sse", Some("1")).rows(3);

    assert_eq!(messages(&rows), ["b", "c", "d"]);
}

#[test]
fn last_event_ids_that_name_no_row_are_answered_for_what_they_are() {
    let server = start("sse_debounce_ms: 0");
    server.store(&json!([{"message": "a"}, {"message": "b"}]));
    let request = |id: &str| Request::get("/logs/sse").header("Last-Event-ID", id);

    let bad = server.send(&request("yesterday"));
    let mut all = server.subscribe_after("/logs/sse", Some("0"));
    // From a database that had more rows: goes on with what comes.
    let mut beyond = server.subscribe_after("/logs/sse", Some("900"));
    server.store(&json!({"message": "c"}));

    assert_eq!(bad.status, 400);
    assert!(bad.error().contains("Last-Event-ID"), "{bad:?}");
    assert_eq!(messages(&all.rows(3)), ["a", "b", "c"]);
    assert_eq!(messages(&beyond.rows(1)), ["c"]);
}

#[test]
fn a_page_can_name_the_event_to_go_on_behind_in_the_address() {
    let server = start("sse_debounce_ms: 0");
    server.store(&json!([{"message": "a"}, {"message": "b"}]));

    let mut stream = server.subscribe("/logs/sse?last_event_id=1&fields=message");
    let mut reconnected = server.subscribe_after("/logs/sse?last_event_id=0", Some("1"));

    assert_eq!(messages(&stream.rows(1)), ["b"]);
    assert_eq!(messages(&reconnected.rows(1)), ["b"]);
    assert_eq!(server.get("/logs/sse?last_event_id=x").status, 400);
    assert_eq!(server.get("/logs?last_event_id=1").status, 400);
}

#[test]
fn filters_work_as_in_get_logs() {
    let server = start("sse_debounce_ms: 0");
    let mut errors = server.subscribe("/logs/sse?fields=message&level==ERROR&line=>5");
    let mut contains =
        server.subscribe("/logs/sse?fields=message&message=~=B%5C,&service=is%20null");

    server.store(&json!([
        {"message": "a", "level": "ERROR", "line": 5},
        {"message": "b,", "level": "ERROR", "line": 6},
        {"message": "b,", "service": "x"},
        {"message": "c", "level": "INFO", "line": 7},
        {"message": "d", "level": "ERROR", "line": 10}
    ]));

    assert_eq!(messages(&errors.rows(2)), ["b,", "d"]);
    assert_eq!(messages(&contains.rows(1)), ["b,"]);
}

#[test]
fn a_window_with_more_rows_than_the_limit_makes_more_events_and_loses_none() {
    let server = start("sse_limit: 10\nsse_debounce_ms: 100");
    let mut subscriber = server.subscribe("/logs/sse?fields=id");

    server.store(&vec![json!({"message": "m"}); 95].into());

    let events = subscriber.events(95);
    assert!(events.iter().all(|event| event.rows.len() <= 10), "{events:?}");
    let rows: Vec<_> = events.into_iter().flat_map(|event| event.rows.into_iter().rev()).collect();
    assert_eq!(ids(&rows), (1..=95).collect::<Vec<_>>());
}

#[test]
fn rows_that_come_within_the_debounce_time_are_one_event() {
    const DEBOUNCE: Duration = Duration::from_secs(3);
    let server = start("sse_debounce_ms: 3000");
    let mut subscriber = server.subscribe("/logs/sse?fields=message");
    let begun = Instant::now();
    server.store(&json!({"message": "a"}));
    let first = subscriber.event();

    for message in ["b", "c", "d"] {
        server.store(&json!({"message": message}));
    }
    let in_time = begun.elapsed() < DEBOUNCE;
    let second = subscriber.event();

    assert_eq!(messages(&first.rows), ["a"]);
    assert!(begun.elapsed() >= DEBOUNCE, "the time was waited for");
    // On a machine that stalls for seconds the posts themselves may miss the window.
    assert!(!in_time || messages(&second.rows) == ["d", "c", "b"], "{second:?}");
}

#[test]
fn a_subscriber_that_stops_reading_delays_nobody_and_misses_nothing() {
    const POSTS: usize = 100;
    let server = start("sse_debounce_ms: 0");
    let mut stalled = server.subscribe("/logs/sse?fields=id,message");
    let mut live = server.subscribe("/logs/sse?fields=id");
    // 20 MB: more than the sockets' buffers hold.
    let wide = "x".repeat(20_000);

    for _ in 0..POSTS {
        server.store(&vec![json!({"message": wide}); 10].into());
    }
    let seen = ids(&live.rows(POSTS * 10));
    let late = ids(&stalled.rows(POSTS * 10));

    let expected: Vec<_> = (1..=1000).collect();
    assert_eq!((seen, late), (expected.clone(), expected));
}

#[test]
fn silence_is_filled_with_comments() {
    let server = start("sse_heartbeat_ms: 50\nsse_debounce_ms: 0");
    let mut subscriber = server.subscribe("/logs/sse?level==ERROR");
    let mut heartbeats = 0;
    while heartbeats < 3 {
        let frame = subscriber.next_within(loglite_e2e::DEADLINE).expect("the stream goes on");
        match frame.expect("a heartbeat within the deadline") {
            Frame::Comment(text) => heartbeats += u32::from(text == "heartbeat"),
            Frame::Event(event) => panic!("nothing was stored: {event:?}"),
        }
    }

    // Rows that don't match are silence, too.
    server.store(&json!({"message": "no error"}));
    server.store(&json!({"message": "an error", "level": "ERROR"}));

    assert_eq!(messages(&subscriber.event().rows), ["an error"]);
}

#[test]
fn rows_of_another_program_come_with_the_next_commit_each_in_one_line() {
    let server = start("sse_debounce_ms: 0");
    let mut subscriber = server.subscribe("/logs/sse?fields=message,extra");
    let sql = "INSERT INTO Log (message, extra) VALUES ('foreign\r\n\ndata: x', '{\n  \"a\":\r\n\n 1\n}')";
    server.home().database().execute_batch(sql).expect("the service lets others write");

    server.store(&json!({"message": "ours", "extra": {"b": "line\nend"}}));

    let rows = subscriber.rows(2);
    let foreign = json!({"message": "foreign\r\n\ndata: x", "extra": {"a": 1}});
    assert_eq!(rows, [foreign, json!({"message": "ours", "extra": {"b": "line\nend"}})]);
}

#[test]
fn a_stream_refuses_what_it_has_no_use_for() {
    let server = start("");
    for (parameters, reason) in [
        ("limit=5", "`limit` has no meaning for a live stream"),
        ("order=asc", "`order` has no meaning for a live stream"),
        ("colour==red", "unknown column `colour`"),
        ("fields=colour", "unknown column `colour`"),
        ("level=ERROR", "`level`"),
    ] {
        let answer = server.get(&format!("/logs/sse?{parameters}"));
        assert_eq!(answer.status, 400, "{parameters}: {answer:?}");
        assert!(answer.error().contains(reason), "{parameters}: {answer:?}");
    }
}

#[test]
fn the_stream_is_marked_for_browsers_and_proxies() {
    let server = start("");
    let mut connection = server.connect();
    connection.write(&Request::get("/logs/sse").to_bytes()).expect("the server reads");
    let mut head = String::new();
    // The stream has no end, so its head is read up to the first comment.
    let mut reader = std::io::BufReader::new(connection.socket());
    while !head.contains(": loglite") {
        std::io::BufRead::read_line(&mut reader, &mut head).expect("the greeting");
    }
    let head = head.to_lowercase();
    for header in
        ["content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no"]
    {
        assert!(head.contains(header), "{head}");
    }
}

#[test]
fn subscribers_are_counted_while_they_live() {
    let server = start("");
    let shows = |count: u32| {
        let line = format!("loglite_sse_subscribers {count}");
        server.get("/metrics").text().lines().any(|known| known == line).then_some(())
    };
    let subscribers = [server.subscribe("/logs/sse"), server.subscribe("/logs/sse")];
    eventually("two subscribers are counted", || shows(2));

    drop(subscribers);

    eventually("none is left", || shows(0));
}

#[test]
fn a_stop_ends_streams_and_is_not_delayed_by_them() {
    let server = start("");
    let mut subscriber = server.subscribe("/logs/sse");

    let exit = server.stop();

    assert_eq!(exit.code, Some(0), "{exit:?}");
    let end = loop {
        match subscriber.next_within(loglite_e2e::DEADLINE) {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(end.is_err(), "the stream has ended: {end:?}");
    assert!(!exit.stderr.contains("cut off"), "{}", exit.stderr);
}
