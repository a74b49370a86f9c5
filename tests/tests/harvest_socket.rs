//! Peers over TCP and Unix sockets, well-behaved and not: what they send is stored once, and they hurt nobody.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use loglite_e2e::sockets::{
    Peer, address, connect, home, letters, messages, start, status, wait_for_rows, wait_to_listen,
};
use loglite_e2e::{Home, Server, eventually};
use serde_json::{Value, json};

fn tcp(more: &Value) -> Server {
    start("socket", &tcp_config(more))
}

fn tcp_config(more: &Value) -> Value {
    let mut config = json!({"host": "127.0.0.1", "port": 0});
    let keys = config.as_object_mut().expect("an object");
    keys.extend(more.as_object().expect("an object").clone());
    config
}

fn entry(message: &str) -> String {
    format!("{{\"message\": \"{message}\"}}\n")
}

#[test]
fn a_connection_that_is_closed_in_order_has_all_its_lines_stored() {
    let server = tcp(&json!({"origin_column": "service"}));
    let peer = connect(&server);
    let origin = peer.local_addr().expect("connected").to_string();

    peer.send_all(
        b"{\"message\": \"a\"}\r\n\n{\"message\": \"b\"}\nbroken\n{\"message\": \"no line end\"}",
    );

    assert_eq!(messages(&server), ["a", "b", "no line end"]);
    let rows = server.rows("/logs?fields=service&limit=1");
    assert_eq!(rows, json!([{"service": origin}]));
    let letters = letters(&server);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].1, "broken");
    assert_eq!((status(&server, "entries"), status(&server, "bad_lines")), (json!(3), json!(1)));
    eventually("no connection is left", || (status(&server, "inputs") == 0).then_some(()));
}

#[test]
fn one_that_listens_on_all_of_ipv6_takes_ipv4_too() {
    let server = start("socket", &json!({"host": "::", "port": 0, "origin_column": "service"}));
    let port = address(&server, "in").rsplit(':').next().expect("a port").to_owned();
    for host in ["127.0.0.1", "[::1]"] {
        let Ok(peer) = TcpStream::connect(format!("{host}:{port}")) else {
            assert_ne!(host, "127.0.0.1", "IPv4 is refused");
            continue;
        };
        let origin = peer.local_addr().expect("connected").to_string();
        peer.send_all(entry(host).as_bytes());
        assert_eq!(server.rows("/logs?fields=service&limit=1"), json!([{"service": origin}]));
    }
}

#[test]
fn a_hundred_connections_at_once_lose_and_double_nothing() {
    let server = tcp(&json!({}));
    let peers: Vec<_> = (0..100).map(|_| connect(&server)).collect();
    std::thread::scope(|scope| {
        for (number, mut peer) in peers.into_iter().enumerate() {
            scope.spawn(move || {
                for line in 0..100 {
                    let entry = entry(&format!("{number}-{line}"));
                    peer.write_all(entry.as_bytes()).expect("the service reads");
                }
                peer.send_all(b"");
            });
        }
    });

    let stored = messages(&server);

    for number in 0..100 {
        let prefix = format!("{number}-");
        let own: Vec<_> = stored.iter().filter_map(|text| text.strip_prefix(&prefix)).collect();
        assert_eq!(own, (0..100).map(|line| line.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(stored.len(), 10_000);
}

#[test]
fn half_a_line_waits_for_its_other_half_and_holds_up_nobody() {
    let server = tcp(&json!({}));
    let mut slow = connect(&server);
    slow.write_all(b"{\"message\": \"sl").expect("connected");
    eventually("half a line is read", || (status(&server, "bytes") == 15).then_some(()));

    connect(&server).send_all(entry("quick").as_bytes());
    assert_eq!(messages(&server), ["quick"]);
    assert_eq!((status(&server, "lag_bytes"), status(&server, "inputs")), (json!(0), json!(1)));

    slow.send_all(b"ow\"}\n");
    assert_eq!(messages(&server), ["quick", "slow"]);
}

#[test]
fn half_a_line_at_the_end_of_the_service_is_a_dead_letter() {
    let server = tcp(&json!({}));
    let mut peer = connect(&server);
    peer.write_all(&[entry("whole").as_bytes(), b"{\"message\": \"ha"].concat())
        .expect("connected");
    eventually("it is read", || (status(&server, "inputs") == 1).then_some(()));
    let home = server.home().clone();

    assert_eq!(server.stop().code, Some(0));

    assert_eq!(peer.read(&mut [0]).expect("closed in order"), 0);
    let server = home.start();
    assert_eq!(messages(&server), ["whole"]);
    assert_eq!(letters(&server).first().map(|(_, text)| text.as_str()), Some("{\"message\": \"ha"));
}

#[test]
fn a_line_over_the_limit_is_a_dead_letter_and_the_connection_goes_on() {
    let server = tcp(&json!({"max_line_size": "10KB"}));
    let long = entry(&"x".repeat(3 << 20));

    connect(&server).send_all(format!("{}{long}{}", entry("before"), entry("after")).as_bytes());

    assert_eq!(messages(&server), ["before", "after"]);
    let letters = letters(&server);
    assert_eq!(letters.len(), 1);
    let (reason, text) = &letters[0];
    assert!(reason.contains(&(long.len() - 1).to_string()), "{reason}");
    assert!(text.starts_with("{\"message\": \"xxx") && text.len() < 2048, "{}", text.len());
}

#[test]
fn messages_with_their_length_in_front_may_hold_line_ends() {
    for framing in ["octet-counted", "auto"] {
        let server = tcp(&json!({"framing": framing, "format": "text"}));
        connect(&server).send_all(b"5 a\nb c2 de");
        assert_eq!(messages(&server), ["a\nb c", "de"]);
    }
}

#[test]
fn lines_that_belong_together_are_stored_when_the_peer_falls_silent() {
    let multiline = json!({"start": "^\\S", "timeout": "100ms"});
    let server = tcp(&json!({"format": "text", "multiline": multiline}));
    let mut peer = connect(&server);
    peer.write_all(b"Error: x\n  at y\n  at z\nhalf a li").expect("connected");
    wait_for_rows(&server, 1);
    assert_eq!(messages(&server), ["Error: x\n  at y\n  at z"]);
    peer.send_all(b"ne");
    assert_eq!(messages(&server).len(), 2);
    assert_eq!(messages(&server)[1], "half a line");
}

#[test]
fn a_silent_connection_is_closed_after_the_idle_timeout() {
    let server = tcp(&json!({"idle_timeout": "300ms"}));
    let mut peer = connect(&server);
    peer.write_all(b"{\"message\": \"kept\"}").expect("connected");

    assert_eq!(peer.read(&mut [0]).expect("closed in order"), 0);

    assert_eq!(messages(&server), ["kept"]);
}

#[test]
fn connections_past_the_limit_wait_until_one_ends() {
    let server = tcp(&json!({"max_connections": 1}));
    let first = connect(&server);
    eventually("the first is accepted", || (status(&server, "inputs") == 1).then_some(()));
    let mut second = connect(&server);
    second.write_all(entry("second").as_bytes()).expect("the system takes it");
    second.end();
    second.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
    let waits = second.read(&mut [0]).expect_err("it waits");
    assert!(matches!(waits.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{waits}");

    first.send_all(entry("first").as_bytes());

    wait_for_rows(&server, 2);
    assert_eq!(messages(&server), ["first", "second"]);
}

#[test]
fn while_nothing_can_be_stored_peers_wait_and_memory_is_bounded() {
    const PEERS: usize = 4;
    const LINES: usize = 50_000;
    let server = tcp(&json!({}));
    // Another program holds the database: nothing can be written.
    let database = server.home().database();
    database.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let sent = Arc::new(AtomicUsize::new(0));
    let peers: Vec<_> = (0..PEERS)
        .map(|number| {
            let (peer, sent) = (connect(&server), Arc::clone(&sent));
            std::thread::spawn(move || send_lines(peer, number, LINES, &sent))
        })
        .collect();
    let mut before = usize::MAX;
    eventually("the peers can send no more", || {
        std::thread::park_timeout(Duration::from_millis(500));
        let now = sent.load(Ordering::Relaxed);
        let rests = now == before && now > 0;
        before = now;
        rests.then_some(())
    });
    assert!(before < PEERS * LINES, "all of it was taken in");
    assert!(status(&server, "lag_bytes").as_u64() > Some(0));
    let resident = resident_bytes(&server);
    assert!(resident < 150 << 20, "{resident} bytes are resident");

    database.execute_batch("ROLLBACK").expect("the transaction is open");
    for peer in peers {
        peer.join().expect("closed in order");
    }

    let mut stored = messages(&server);
    assert_eq!(stored.len(), PEERS * LINES);
    stored.sort_unstable();
    stored.dedup();
    assert_eq!(stored.len(), PEERS * LINES);
    assert_eq!((status(&server, "lag_bytes"), status(&server, "lost")), (json!(0), json!(0)));
}

fn send_lines(mut peer: TcpStream, number: usize, lines: usize, sent: &AtomicUsize) {
    let filler = "x".repeat(200);
    for line in 0..lines {
        let entry = format!("{{\"message\": \"{number}-{line}\", \"service\": \"{filler}\"}}\n");
        peer.write_all(entry.as_bytes()).expect("the service reads in the end");
        sent.fetch_add(1, Ordering::Relaxed);
    }
    peer.send_all(b"");
}

#[test]
fn what_was_confirmed_by_a_close_in_order_survives_stops_under_load() {
    let fixed = free_port();
    let config = json!({"host": "127.0.0.1", "port": fixed});
    let home = home(&json!([{"type": "socket", "name": "in", "config": config}]), "");
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..5 {
        let server = home.start();
        wait_to_listen(&server);
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let peers: Vec<_> = (0..4)
            .map(|number| {
                let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
                let prefix = format!("{round}-{number}");
                std::thread::spawn(move || send_until(fixed, &prefix, &stop, &count))
            })
            .collect();
        eventually("much is stored", || (count.load(Ordering::Relaxed) > 40).then_some(()));
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        stop.store(true, Ordering::Relaxed);
        confirmed.extend(peers.into_iter().flat_map(|peer| peer.join().expect("no panic")));
    }

    let server = home.start();
    let mut stored = messages(&server);
    stored.sort_unstable();
    let all = stored.len();
    stored.dedup();
    assert_eq!(stored.len(), all, "some are stored twice");
    let lost: Vec<_> =
        confirmed.iter().filter(|text| stored.binary_search(text).is_err()).collect();
    assert!(lost.is_empty(), "{} of {}: {lost:?}", lost.len(), confirmed.len());
}

/// Sends a hundred lines on each connection, and returns those of connections that were closed in order.
fn send_until(port: u16, prefix: &str, stop: &AtomicBool, count: &AtomicUsize) -> Vec<String> {
    let mut confirmed = Vec::new();
    for batch in 0..10_000 {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let lines: Vec<_> = (0..100).map(|line| format!("{prefix}-{batch}-{line}")).collect();
        let text: String = lines.iter().map(|line| entry(line)).collect();
        let sent = || -> std::io::Result<()> {
            let mut peer = TcpStream::connect(("127.0.0.1", port))?;
            peer.write_all(text.as_bytes())?;
            peer.shutdown(std::net::Shutdown::Write)?;
            peer.read_to_end(&mut Vec::new()).map(drop)
        };
        match sent() {
            Ok(()) => {
                confirmed.extend(lines);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
    confirmed
}

#[test]
fn what_was_received_and_could_not_be_stored_until_the_end_is_told_to_peer_and_operator() {
    let server = tcp(&json!({}));
    let database = server.home().database();
    database.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let mut peer = connect(&server);
    peer.write_all(&[entry("a"), entry("b")].concat().into_bytes()).expect("connected");
    peer.end();
    eventually("it is received", || (status(&server, "lag_bytes") != 0).then_some(()));

    let exit = server.stop();

    let error = peer.read(&mut [0]).expect_err("its end is no confirmation");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(exit.stderr.contains("received and not stored"), "{exit:#?}");
    assert!(exit.stderr.contains("messages=2"), "{exit:#?}");
}

#[test]
fn a_port_in_use_is_told_with_the_way_out_and_taken_once_it_is_free() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = other.local_addr().expect("bound").port();
    let server = tcp(&json!({"port": port}));
    server.wait_for_log(&["WARN", &format!("cannot listen on 127.0.0.1:{port}"), "another port"]);
    assert_eq!(server.get("/health").status, 200);

    drop(other);

    connect(&server).send_all(entry("late").as_bytes());
    assert_eq!(messages(&server), ["late"]);
    assert_eq!(status(&server, "state"), "running");
}

fn unix(home: &Home) -> UnixStream {
    UnixStream::connect(home.path().join("in.sock")).expect("the harvester listens")
}

fn unix_home(mode: &Value) -> Home {
    let config = json!({"path": "in.sock", "mode": mode, "origin_column": "service"});
    home(&json!([{"type": "socket", "name": "in", "config": config}]), "")
}

#[test]
fn a_unix_socket_has_its_mode_and_is_removed_at_the_end() {
    let home = unix_home(&json!("0620"));
    let server = home.start();
    assert_eq!(address(&server, "in"), "in.sock");
    let path = home.path().join("in.sock");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o620);

    unix(&home).send_all(&[entry("a").as_bytes(), b"{\"message\": \"b\"}"].concat());

    assert_eq!(messages(&server), ["a", "b"]);
    assert_eq!(server.rows("/logs?fields=service&limit=1"), json!([{"service": "in.sock"}]));
    assert_eq!(server.stop().code, Some(0));
    assert!(!path.exists());
    let left = fs::read_dir(home.path()).expect("readable").count();
    assert_eq!(left, 2, "config.yaml and db");
}

#[test]
fn a_stale_unix_socket_is_replaced() {
    let home = unix_home(&json!("0600"));
    let server = home.start();
    wait_to_listen(&server);
    server.kill();
    assert!(home.path().join("in.sock").exists(), "a kill leaves it");

    let server = home.start();
    wait_to_listen(&server);

    unix(&home).send_all(entry("again").as_bytes());
    assert_eq!(messages(&server), ["again"]);
}

#[test]
fn a_path_that_is_taken_is_left_alone_and_named() {
    let home = unix_home(&json!("0600"));
    let path = home.path().join("in.sock");
    fs::write(&path, "precious").expect("writable");
    let server = home.start();
    server.wait_for_log(&["WARN", "cannot listen on in.sock", "no socket"]);
    assert_eq!(fs::read_to_string(&path).expect("it is still there"), "precious");
    fs::remove_file(&path).expect("it can be removed");

    let other = UnixListener::bind(&path).expect("the path is free");
    server.wait_for_log(&["WARN", "cannot listen on in.sock", "another program listens"]);
    let _connected = other.accept().expect("it is asked");

    drop(other);
    wait_to_listen(&server);
    unix(&home).send_all(entry("mine").as_bytes());
    assert_eq!(messages(&server), ["mine"]);
}

#[test]
fn a_directory_that_is_missing_is_named() {
    let server = start("socket", &json!({"path": "run/in.sock"}));
    server.wait_for_log(&["WARN", "cannot listen on run/in.sock", "no directory run"]);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("bound").port()
}

/// What the server holds in memory.
fn resident_bytes(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.process().pid());
    let status = fs::read_to_string(path).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.expect("the system tells the size of a process") << 10
}
