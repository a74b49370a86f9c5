//! Sockets that peers send to: TCP, TLS and Unix streams, UDP and Unix datagrams.
//!
//! Invariants: a connection is closed in order only when all that came through it is stored; while entries can't be
//! stored, nothing is read beyond a bound, so that senders wait where the transport lets them.

mod basket;
mod buffers;
mod connection;
mod courier;
mod datagram_socket;
mod datagrams;
mod held;
mod kernel_drops;
mod listener;
mod peer;
mod place;
mod streams;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

pub(super) use streams::StreamHarvester;

use self::datagram_socket::Door;
use self::datagrams::DatagramHarvester;
use super::{Feed, Harvester, LineReader};
use crate::config::{LineConfig, SyslogConfig};

/// The harvester of this kind of syslog.
pub(super) fn syslog(
    config: &SyslogConfig,
    line: &LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
) -> Arc<dyn Harvester> {
    let door = match config {
        SyslogConfig::Stream(socket) => {
            return Arc::new(StreamHarvester::new(socket, line, reader, feed));
        }
        SyslogConfig::Udp { address, port, receive_buffer } => {
            let (address, receive_buffer) = (SocketAddr::new(*address, *port), *receive_buffer);
            Door::Udp { address, receive_buffer }
        }
        SyslogConfig::UnixDatagram(path) => Door::Unix(path.clone()),
    };
    Arc::new(DatagramHarvester::new(door, line, reader, feed))
}
