//! `type: socket`: a TCP or Unix socket that peers connect to.

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::store;
use super::super::{Framing, InputConfig, SocketConfig};
use super::field::{self, Field, Given, NONE, Read};
use super::listen;
use super::listener::{Listener, Transport};

const PLACE: &str = "a port from 0 to 65535, such as 5140, or the `path` of a Unix socket";

pub(super) const KEYS: &[Field<Listener>] = &[
    listen::HOST,
    Field {
        name: "port",
        expected: listen::PORT,
        default: NONE,
        doc: "The TCP port to listen on; 0 picks a free one, which the log names. This or `path` is \
              required.",
        read: Read::Scalar(|socket, text| store(&mut socket.port, listen::port(text).map(Some))),
        show: |socket| json!(socket.port),
    },
    listen::UNIX_PATH,
    listen::MODE,
    Field {
        name: "framing",
        expected: "`newline`, `octet-counted` or `auto`",
        default: "newline",
        doc: "How messages are told apart: by line feeds (`newline`), by their length in front \
              (`octet-counted`, RFC 6587), or by their length where a message begins with a digit \
              (`auto`).",
        read: Read::Scalar(|socket, text| store(&mut socket.framing, listen::framing(text))),
        show: |socket| json!(socket.framing.name()),
    },
    listen::MAX_CONNECTIONS,
    listen::IDLE_TIMEOUT,
    listen::TLS,
];

pub(super) fn defaults() -> Listener {
    Listener::new(Transport::Tcp, Framing::Newline)
}

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut socket = defaults();
    given.read(KEYS, &mut socket, report);
    if given.has("path") {
        listen::refuse_all(&["host", "port", "tls"], "without `path`", given, report);
    } else {
        given.require("port", PLACE, report);
        listen::refuse_all(&["mode"], "with `path`", given, report);
    }
    if socket.framing == Framing::OctetCounted {
        listen::refuse_all(&["multiline"], "where messages end with lines", given, report);
    }
    socket.stream().map(InputConfig::Socket)
}

pub(super) fn show(socket: &SocketConfig) -> Map<String, Value> {
    field::show(KEYS, &Listener::of_stream(socket), &defaults())
}
