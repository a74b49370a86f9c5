//! The keys that sockets and syslog have in common: where they listen, and the bounds on connections.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Framing;
use super::super::report::Report;
use super::super::value::{self, store};
use super::field::{Field, Given, NONE, Read};
use super::{listener::Listener, tls, zmq::LONGEST_SOCKET_PATH};

pub(super) const PORT: &str = "a port from 0 to 65535, such as 5140; 0 picks a free one";
pub(super) const PATH: &str = "the path of a socket, at most 107 bytes";
const DAY_MS: u64 = 86_400_000;
const BUFFER: RangeInclusive<u64> = 0..=1 << 30;

/// Reports the keys among `names` that have no meaning; `when` says where they have.
pub(super) fn refuse_all(names: &[&str], when: &str, given: &Given<'_>, report: &mut Report) {
    for name in names {
        given.refuse(name, &format!("only {when}"), report);
    }
}

pub(super) const HOST: Field<Listener> = Field {
    name: "host",
    expected: "a host name or an address",
    default: "0.0.0.0",
    doc: "The address to listen on; 0.0.0.0 is all IPv4 networks of the machine, `::` all of IPv4 and \
          IPv6, 127.0.0.1 the machine itself.",
    read: Read::Scalar(|socket, text| store(&mut socket.host, value::visible(text))),
    show: |socket| json!(socket.host),
};

pub(super) const MODE: Field<Listener> = Field {
    name: "mode",
    expected: "permission bits in octal with a leading zero, such as 0660",
    default: NONE,
    doc: "The permission bits of the Unix socket in octal with a leading zero: `0660` lets the group \
          write to it. Unless they are set, the umask decides.",
    read: Read::Scalar(|socket, text| store(&mut socket.mode, mode(text).map(Some))),
    show: |socket| json!(socket.mode.map(|mode| format!("{mode:04o}"))),
};

pub(super) const UNIX_PATH: Field<Listener> = Field {
    name: "path",
    expected: PATH,
    default: NONE,
    doc: "The path of the Unix socket. A socket that nobody listens on any more is replaced.",
    read: Read::Scalar(|socket, text| {
        let path = value::text(text).filter(|path| path.len() <= LONGEST_SOCKET_PATH);
        store(&mut socket.path, path.map(|path| Some(path.into())))
    }),
    show: |socket| json!(socket.path),
};

pub(super) const MAX_CONNECTIONS: Field<Listener> = Field {
    name: "max_connections",
    expected: "a whole number from 1 to 100000",
    default: "1024",
    doc: "Connections at once. Further ones wait to be accepted.",
    read: Read::Scalar(|socket, text| {
        store(&mut socket.max_connections, value::whole(text, 1..=100_000))
    }),
    show: |socket| json!(socket.max_connections),
};

pub(super) const IDLE_TIMEOUT: Field<Listener> = Field {
    name: "idle_timeout",
    expected: "a time up to a day, such as 300s; 0 keeps silent connections open",
    default: "0",
    doc: "A connection that is silent for this long is closed; 0 keeps it open.",
    read: Read::Scalar(|socket, text| {
        store(&mut socket.idle_timeout, value::duration(text, 0..=DAY_MS))
    }),
    show: |socket| match socket.idle_timeout {
        Duration::ZERO => json!(0),
        timeout => value::as_duration(timeout),
    },
};

pub(super) const TLS: Field<Listener> = Field {
    name: "tls",
    expected: tls::EXPECTED,
    default: NONE,
    doc: "TLS, for TCP only: `certificate` (the chain, PEM), `key` (its private key, PEM) and, if \
          clients must show a certificate, `client_ca` (the authorities that may have signed it, PEM).",
    read: Read::Nested(|socket, node, path, report| socket.tls = tls::read(node, path, report)),
    show: |socket| socket.tls.as_ref().map_or(Value::Null, tls::show),
};

pub(super) const RECEIVE_BUFFER: Field<Listener> = Field {
    name: "receive_buffer",
    expected: "a size up to 1GB; 0 is the system's default",
    default: "8MB",
    doc: "The system's buffer for UDP messages that loglite has not yet taken; the system may give less \
          (`net.core.rmem_max`), which the log tells. What doesn't fit into it is lost. 0 is the system's \
          default.",
    read: Read::Scalar(|socket, text| store(&mut socket.receive_buffer, value::size(text, BUFFER))),
    show: |socket| json!(socket.receive_buffer.to_string()),
};

pub(super) fn port(text: &str) -> Option<u16> {
    value::whole(text, 0..=u64::from(u16::MAX))
}

pub(super) fn framing(text: &str) -> Option<Framing> {
    Framing::ALL.into_iter().find(|framing| text.eq_ignore_ascii_case(framing.name()))
}

impl Framing {
    const ALL: [Self; 3] = [Self::Newline, Self::OctetCounted, Self::Auto];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Newline => "newline",
            Self::OctetCounted => "octet-counted",
            Self::Auto => "auto",
        }
    }
}

/// Permission bits. `660` is decimal to some readers of YAML and octal to others: only what says so is taken.
fn mode(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix('0')?;
    let digits = digits.strip_prefix('o').unwrap_or(digits);
    let is_octal = digits.len() == 3 && digits.bytes().all(|b| matches!(b, b'0'..=b'7'));
    is_octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_bits_are_octal_where_they_say_so() {
        for (text, bits) in [("0660", 0o660), ("0o600", 0o600), ("0777", 0o777), ("0000", 0)] {
            assert_eq!(mode(text), Some(bits), "{text}");
        }
        for text in ["660", "432", "0668", "066", "00660", "0x1ff", "rw-rw----", "", "0"] {
            assert_eq!(mode(text), None, "{text}");
        }
    }
}
