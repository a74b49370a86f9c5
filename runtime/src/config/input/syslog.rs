//! `type: syslog`: syslog over UDP, TCP and Unix sockets.

// An address alone: `core` has no sockets.
use core::net::{IpAddr, Ipv4Addr};

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::store;
use super::super::{Framing, InputConfig, SyslogConfig, UnixPath};
use super::field::{self, Field, Given, NONE, Read};
use super::listen;
use super::listener::{Listener, Transport};

const ADDRESS: &str =
    "an address such as 0.0.0.0, `::` or 127.0.0.1, as UDP listens on no host names";
const PORT: &str = "a port from 0 to 65535, such as 5140; the standard one, 514, needs privileges";

pub(super) const KEYS: &[Field<Listener>] = &[
    Field {
        name: "transport",
        expected: "`udp`, `tcp`, `unix` or `unix-datagram`",
        default: "udp",
        doc: "How messages come: `udp`, `tcp`, `unix` (streams) or `unix-datagram`, as of `/dev/log`.",
        read: Read::Scalar(|syslog, text| store(&mut syslog.transport, Transport::from_name(text))),
        show: |syslog| json!(syslog.transport.name()),
    },
    listen::HOST,
    Field {
        name: "port",
        expected: PORT,
        default: NONE,
        doc: "The UDP or TCP port to listen on, required for both; 0 picks a free one, which the log \
              names.",
        read: Read::Scalar(|syslog, text| store(&mut syslog.port, listen::port(text).map(Some))),
        show: |syslog| json!(syslog.port),
    },
    listen::UNIX_PATH,
    listen::MODE,
    Field {
        name: "framing",
        expected: "`newline`, `octet-counted` or `auto`",
        default: "auto",
        doc: "How messages of a stream are told apart: by line feeds (`newline`), by their length in \
              front (`octet-counted`, RFC 6587), or by their length where a message begins with a digit \
              (`auto`).",
        read: Read::Scalar(|syslog, text| store(&mut syslog.framing, listen::framing(text))),
        show: |syslog| json!(syslog.framing.name()),
    },
    listen::MAX_CONNECTIONS,
    listen::IDLE_TIMEOUT,
    listen::TLS,
    listen::RECEIVE_BUFFER,
];

pub(super) fn defaults() -> Listener {
    Listener::new(Transport::Udp, Framing::Auto)
}

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut syslog = defaults();
    given.read(KEYS, &mut syslog, report);
    check_place(syslog.transport, given, report);
    let input = match syslog.transport {
        Transport::Udp => SyslogConfig::Udp {
            address: address(&syslog.host).or_else(|| {
                given.refuse("host", ADDRESS, report);
                None
            })?,
            port: syslog.port?,
            receive_buffer: syslog.receive_buffer,
        },
        Transport::UnixDatagram => {
            SyslogConfig::UnixDatagram(UnixPath { path: syslog.path?, mode: syslog.mode })
        }
        Transport::Tcp | Transport::Unix => SyslogConfig::Stream(syslog.stream()?),
    };
    Some(InputConfig::Syslog(input))
}

/// Reports what is missing for a transport, and what means nothing to it.
fn check_place(transport: Transport, given: &Given<'_>, report: &mut Report) {
    if matches!(transport, Transport::Udp | Transport::Tcp) {
        given.require("port", PORT, report);
        let when = "with `transport: unix` or `unix-datagram`";
        listen::refuse_all(&["path", "mode"], when, given, report);
    } else {
        given.require("path", listen::PATH, report);
        let when = "with `transport: udp` or `tcp`";
        listen::refuse_all(&["host", "port"], when, given, report);
    }
    if matches!(transport, Transport::Udp | Transport::UnixDatagram) {
        let names = ["framing", "max_connections", "idle_timeout"];
        listen::refuse_all(&names, "with `transport: tcp` or `unix`", given, report);
    }
    if transport != Transport::Tcp {
        listen::refuse_all(&["tls"], "with `transport: tcp`", given, report);
    }
    if transport != Transport::Udp {
        listen::refuse_all(&["receive_buffer"], "with `transport: udp`", given, report);
    }
}

fn address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().ok()
}

pub(super) fn show(syslog: &SyslogConfig) -> Map<String, Value> {
    let listener = match syslog {
        SyslogConfig::Udp { address, port, receive_buffer } => Listener {
            host: address.to_string(),
            port: Some(*port),
            receive_buffer: *receive_buffer,
            ..defaults()
        },
        SyslogConfig::UnixDatagram(path) => defaults().at(Transport::UnixDatagram, path),
        SyslogConfig::Stream(socket) => Listener::of_stream(socket),
    };
    field::show(KEYS, &listener, &defaults())
}
