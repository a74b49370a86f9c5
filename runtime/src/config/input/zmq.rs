//! `type: zmq`: ZeroMQ sockets.

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::{Content, Node};
use super::super::{InputConfig, ZmqConfig, ZmqSocketType};
use super::field::{self, Field, Given, NONE, REQUIRED, Read, one_or_more};

const ENDPOINTS: &str =
    "an endpoint such as tcp://127.0.0.1:5555 or ipc:///run/app.sock, or a list of them";
/// Longer paths don't fit into the address of a Unix socket.
pub(super) const LONGEST_SOCKET_PATH: usize = 107;

impl Default for ZmqConfig {
    /// Without endpoints.
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            socket_type: ZmqSocketType::Pull,
            bind: false,
            topics: Vec::new(),
        }
    }
}

pub(super) const KEYS: &[Field<ZmqConfig>] = &[
    Field {
        name: "endpoint",
        expected: ENDPOINTS,
        default: REQUIRED,
        doc: "The endpoint, or a list of endpoints: `tcp://host:port` or `ipc:///path`; bound, also \
              `tcp://*:port`, which is all networks. `endpoints` is the same key.",
        read: Read::Nested(read_endpoints),
        show: |zmq| one_or_more(&zmq.endpoints),
    },
    Field {
        name: "endpoints",
        expected: ENDPOINTS,
        default: NONE,
        doc: "As `endpoint`.",
        read: Read::Nested(read_endpoints),
        show: |_| Value::Null,
    },
    Field {
        name: "socket_type",
        expected: "`PULL` or `SUB`",
        default: "PULL",
        doc: "`PULL`, the counterpart of PUSH: each message goes to one receiver and waits at the peer \
              while there is none. Or `SUB`, the counterpart of PUB, which drops what nobody receives.",
        read: Read::Scalar(|zmq, text| store(&mut zmq.socket_type, ZmqSocketType::from_name(text))),
        show: |zmq| json!(zmq.socket_type.name()),
    },
    Field {
        name: "bind",
        expected: value::BOOLEAN,
        default: "false",
        doc: "Whether peers connect to the endpoints; otherwise loglite connects to the peers'.",
        read: Read::Scalar(|zmq, text| store(&mut zmq.bind, value::boolean(text))),
        show: |zmq| json!(zmq.bind),
    },
    Field {
        name: "topics",
        expected: "a list of texts",
        default: "[]",
        doc: "What the topics begin with that a `SUB` socket receives; all of them if the list is empty.",
        read: Read::Nested(|zmq, node, path, report| {
            zmq.topics = value::texts(node, path, report);
        }),
        show: |zmq| json!(zmq.topics),
    },
];

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut zmq = ZmqConfig::default();
    given.read(KEYS, &mut zmq, report);
    if given.has("endpoint") {
        given.refuse("endpoints", "either `endpoint` or `endpoints`", report);
    } else if !given.has("endpoints") {
        given.require("endpoint", ENDPOINTS, report);
    }
    for name in ["endpoint", "endpoints"] {
        check_endpoints(given, name, zmq.bind, report);
    }
    if zmq.socket_type == ZmqSocketType::Pull {
        given.refuse("topics", "only with `socket_type: SUB`, as PULL has no topics", report);
    }
    Some(InputConfig::Zmq(zmq))
}

pub(super) fn show(zmq: &ZmqConfig) -> Map<String, Value> {
    field::show(KEYS, zmq, &ZmqConfig::default())
}

impl ZmqSocketType {
    const ALL: [Self; 2] = [Self::Pull, Self::Sub];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "PULL",
            Self::Sub => "SUB",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name()))
    }
}

/// Takes all texts: whether an endpoint is one depends on `bind`.
fn read_endpoints(zmq: &mut ZmqConfig, node: &Node, path: &str, report: &mut Report) {
    zmq.endpoints = value::texts(node, path, report);
}

fn check_endpoints(given: &Given<'_>, name: &'static str, is_bound: bool, report: &mut Report) {
    let Some(node) = given.find(name) else { return };
    if node.is_empty() {
        return given.refuse(name, ENDPOINTS, report);
    }
    let items = match &node.content {
        Content::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for (index, item) in items.iter().enumerate() {
        let wrong = item.scalar().and_then(|text| fault_of(text, is_bound));
        if let Some(expected) = wrong {
            given.refuse_item((name, index), item, &expected, report);
        }
    }
}

/// What is expected instead of `text`, unless it is an endpoint.
fn fault_of(text: &str, is_bound: bool) -> Option<String> {
    let Some((transport, address)) = text.split_once("://") else {
        return Some("an endpoint with its transport, such as tcp://127.0.0.1:5555".into());
    };
    match transport {
        "tcp" => tcp_fault(address, is_bound),
        "ipc" => {
            // `@` begins names outside of the file system, and `*` asks for any.
            let fits = (1..=LONGEST_SOCKET_PATH).contains(&address.len())
                && !address.starts_with('@')
                && address != "*"
                && !address.chars().any(char::is_control);
            (!fits).then(|| "ipc:// and the path of a socket, at most 107 bytes".into())
        }
        _ => Some(format!("an endpoint of tcp:// or ipc://, as {transport}:// is not supported")),
    }
}

fn tcp_fault(address: &str, is_bound: bool) -> Option<String> {
    let example = if is_bound { "tcp://*:5555" } else { "tcp://127.0.0.1:5555" };
    let expected = format!("tcp://host:port, such as {example}");
    let Some((host, port)) = address.rsplit_once(':') else { return Some(expected) };
    let least = u64::from(!is_bound);
    if host == "*" && !is_bound {
        return Some(
            "a host to connect to, as `*` stands for all networks and needs `bind: true`".into(),
        );
    }
    let is_any_port = is_bound && port == "*";
    let is_port = is_any_port
        || (port.bytes().all(|b| b.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| u64::from(port) >= least));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bare {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => value::visible(host).is_some_and(|host| !host.contains([':', '/', '[', ']', ';'])),
    };
    (!(is_port && is_host)).then_some(expected)
}
