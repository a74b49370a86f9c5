//! Syslog over UDP, TCP and Unix sockets, from senders as they are found on any machine.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use loglite_e2e::sockets::{
    Peer, address, connect, home, letters, messages, status, wait_for_rows, wait_to_listen,
};
use loglite_e2e::{Home, Server, eventually};
use serde_json::{Value, json};

/// With a level as the test's table has it.
const RFC_5424: &str = "<165>1 2026-11-25T03:47:32.003Z host.example app 42 ID47 \
    [who@32473 key=\"a \\\"value\\\"\"] five";
const RFC_3164: &str = "<34>Nov 25 03:47:32 host su[7]: three";
/// Sends one message through Python's standard handler: to an address, over a kind of socket.
const PYTHON: &str = "
import logging, logging.handlers, socket, sys
host, port, kind = sys.argv[1:]
address = (host, int(port)) if port else host
handler = logging.handlers.SysLogHandler(address, socktype=getattr(socket, kind))
handler.append_nul = kind == 'SOCK_DGRAM'
logging.getLogger().addHandler(handler)
logging.warning('gr\u{fc}ezi from %s', kind)
if kind == 'SOCK_STREAM': handler.socket.sendall(b'\\n')
handler.close()
";

fn syslog_home(config: &Value) -> Home {
    let mut config = config.clone();
    let keys = config.as_object_mut().expect("an object");
    keys.insert("columns".into(), json!({"app_name": "service"}));
    home(&json!([{"type": "syslog", "name": "in", "config": config}]), "")
}

fn udp(more: &[(&str, Value)]) -> Server {
    let mut config = json!({"host": "127.0.0.1", "port": 0});
    let keys = config.as_object_mut().expect("an object");
    keys.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    syslog_home(&config).start()
}

fn sender(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.connect(address(server, "in")).expect("an address");
    socket
}

fn extra(server: &Server, message: &str) -> Value {
    let path = format!("/logs?fields=*&message==={message}").replace("===", "==");
    let rows = server.rows(&path);
    rows.pointer("/0").cloned().unwrap_or_else(|| panic!("no {message} in {rows}"))
}

#[test]
fn messages_of_both_kinds_over_udp_are_rows_with_their_parts() {
    let server = udp(&[]);
    let sender = sender(&server);
    for message in [RFC_5424, RFC_3164] {
        sender.send(message.as_bytes()).expect("sent");
    }
    wait_for_rows(&server, 2);

    let five = extra(&server, "five");
    assert_eq!(five["timestamp"], "2026-11-25T03:47:32.003Z");
    assert_eq!(five["service"], "app");
    let parts = &five["extra"];
    assert_eq!(parts["hostname"], "host.example");
    assert_eq!((&parts["severity"], &parts["facility"]), (&json!("notice"), &json!("local4")));
    assert_eq!(parts["msg_id"], "ID47");
    assert!(parts["structured_data"].to_string().contains("value"), "{parts}");
    let three = extra(&server, "three");
    assert_eq!(three["service"], "su");
    assert_eq!(
        (&three["extra"]["hostname"], &three["extra"]["severity"]),
        (&json!("host"), &json!("crit"))
    );
}

#[test]
fn line_ends_and_nuls_behind_a_datagram_are_left_out_and_those_within_are_not() {
    let server = udp(&[("origin_column", json!("level_origin")), ("max_line_size", json!("1KB"))]);
    let sender = sender(&server);
    let long = format!("<13>1 - - - - - - {}", "x".repeat(5_000));
    for datagram in
        ["<13>1 - - - - - - one\n", "<13>1 - - - - - - two\0", "\n", "<13>1 - - - - - - a\nb"]
    {
        sender.send(datagram.as_bytes()).expect("sent");
    }
    sender.send(long.as_bytes()).expect("sent");
    wait_for_rows(&server, 3);

    assert_eq!(messages(&server), ["one", "two", "a\nb"]);
    let letters = eventually("the long one is a dead letter", || {
        Some(letters(&server)).filter(|letters| !letters.is_empty())
    });
    assert!(letters[0].0.contains(&long.len().to_string()), "{letters:?}");
    let origin = sender.local_addr().expect("bound").to_string();
    assert_eq!(extra(&server, "one")["extra"]["level_origin"], origin);
}

#[test]
fn what_has_come_by_udp_before_a_stop_is_stored() {
    let server = udp(&[]);
    let sender = sender(&server);
    for number in 0..500 {
        sender.send(format!("<13>1 - - - - - - {number}").as_bytes()).expect("sent");
    }
    let home = server.home().clone();

    assert_eq!(server.stop().code, Some(0));

    let expected: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(messages(&home.start()), expected);
}

#[test]
fn what_the_system_drops_is_counted_and_told() {
    let server = udp(&[("receive_buffer", json!("16KB"))]);
    let sender = sender(&server);
    // Another program holds the database: nothing can be written.
    let database = server.home().database();
    database.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let filler = "x".repeat(1_000);
    let mut sent = 0_u64;
    eventually("the system drops datagrams", || {
        for _ in 0..5_000 {
            sender.send(format!("<13>1 - - - - - - {sent} {filler}").as_bytes()).expect("sent");
            sent += 1;
        }
        (!server.log_lines(&["WARN", "the system dropped datagrams"]).is_empty()).then_some(())
    });
    database.execute_batch("ROLLBACK").expect("the transaction is open");

    eventually("each message is stored or counted as lost", || {
        let number = |key: &str| status(&server, key).as_u64().unwrap_or_default();
        (number("entries") + number("lost") == sent).then_some(())
    });
}

#[test]
fn a_stream_may_mix_line_feeds_and_lengths() {
    let server = syslog_home(&json!({"transport": "tcp", "host": "127.0.0.1", "port": 0})).start();
    let counted = format!("{} {RFC_5424}", RFC_5424.len());
    connect(&server).send_all(format!("{RFC_3164}\n{counted}<13>1 - - - - - - last").as_bytes());
    assert_eq!(messages(&server), ["three", "five", "last"]);
}

#[test]
fn senders_to_a_unix_socket_wait_while_nothing_can_be_stored() {
    let server =
        syslog_home(&json!({"transport": "unix-datagram", "path": "in.sock", "mode": "0622"}))
            .start();
    let path = server.home().path().join(address(&server, "in"));
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.connect(&path).expect("the harvester listens");
    let database = server.home().database();
    database.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    sender.set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout can be set");
    let filler = "x".repeat(10_000);
    let mut sent = 0_usize;
    let refused = loop {
        match sender.send(format!("<13>1 - - - - - - {sent} {filler}").as_bytes()) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 100_000, "nothing holds it back");
    };
    assert!(matches!(refused.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{refused}");

    database.execute_batch("ROLLBACK").expect("the transaction is open");

    wait_for_rows(&server, sent);
    let numbers: Vec<_> = messages(&server)
        .iter()
        .map(|text| text.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert!(
        numbers.iter().eq((0..sent).map(|number| number.to_string()).collect::<Vec<_>>().iter())
    );
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    assert!(!home.path().join("in.sock").exists());
}

#[test]
fn a_stale_unix_socket_for_datagrams_is_replaced() {
    let home = syslog_home(&json!({"transport": "unix-datagram", "path": "in.sock"}));
    let server = home.start();
    wait_to_listen(&server);
    server.kill();

    let server = home.start();
    let path = home.path().join(address(&server, "in"));
    let sender = UnixDatagram::unbound().expect("a socket");
    sender.send_to(b"<13>1 - - - - - - again", path).expect("the harvester listens");
    wait_for_rows(&server, 1);
}

/// Sends a message from Python to a service of this transport.
fn from_python(config: &Value, kind: &str) {
    let server = syslog_home(config).start();
    let at = address(&server, "in");
    let (host, port) = at.rsplit_once(':').unwrap_or((&at, ""));
    let python = Command::new("python3")
        .args(["-c", PYTHON, host, port, kind])
        .current_dir(server.home().path())
        .output()
        .expect("python3 runs");
    assert!(python.status.success(), "{python:?}");
    wait_for_rows(&server, 1);
    let row = server.rows("/logs?fields=message,service,extra").pointer("/0").cloned();
    let row = row.unwrap_or_default();
    let text = |at: &str| row.pointer(at).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(text("/message"), format!("gr\u{fc}ezi from {kind}"), "{row}");
    assert_eq!(text("/extra/severity"), "warning", "{row}");
}

#[test]
fn pythons_handler_is_understood_over_udp() {
    from_python(&json!({"host": "127.0.0.1", "port": 0}), "SOCK_DGRAM");
}

#[test]
fn pythons_handler_is_understood_over_tcp() {
    from_python(&json!({"transport": "tcp", "host": "127.0.0.1", "port": 0}), "SOCK_STREAM");
}

#[test]
fn pythons_handler_is_understood_over_a_unix_socket() {
    from_python(&json!({"transport": "unix-datagram", "path": "in.sock"}), "SOCK_DGRAM");
}
