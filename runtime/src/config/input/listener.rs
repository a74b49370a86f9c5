//! The settings of sockets and syslog before they are put together, which is when all are known.

use std::path::PathBuf;
use std::time::Duration;

use super::super::{Framing, Listen, SocketConfig, TlsConfig, UnixPath};
use crate::domain::ByteSize;

/// The settings of sockets and syslog before they are put together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listener {
    pub(super) transport: Transport,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) path: Option<PathBuf>,
    pub(super) mode: Option<u32>,
    pub(super) framing: Framing,
    pub(super) max_connections: usize,
    pub(super) idle_timeout: Duration,
    pub(super) tls: Option<TlsConfig>,
    pub(super) receive_buffer: ByteSize,
}

/// How syslog comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Unix,
    UnixDatagram,
}

impl Transport {
    const ALL: [Self; 4] = [Self::Udp, Self::Tcp, Self::Unix, Self::UnixDatagram];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Unix => "unix",
            Self::UnixDatagram => "unix-datagram",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| name.eq_ignore_ascii_case(transport.name()))
    }
}

impl Listener {
    /// Where nothing is set.
    pub(super) fn new(transport: Transport, framing: Framing) -> Self {
        Self {
            transport,
            host: "0.0.0.0".into(),
            port: None,
            path: None,
            mode: None,
            framing,
            max_connections: 1024,
            idle_timeout: Duration::ZERO,
            tls: None,
            // The usual 200 KB of a system are a fraction of a second of a busy network.
            receive_buffer: ByteSize(8 << 20),
        }
    }

    /// A stream socket; none without a place to listen, whose lack was reported.
    pub(super) fn stream(self) -> Option<SocketConfig> {
        let listen = match (self.path.is_some(), self.port) {
            (true, _) => Listen::Unix(UnixPath { path: self.path?, mode: self.mode }),
            (false, port) => Listen::Tcp { host: self.host, port: port? },
        };
        Some(SocketConfig {
            listen,
            framing: self.framing,
            max_connections: self.max_connections,
            idle_timeout: self.idle_timeout,
            tls: self.tls,
        })
    }

    /// What [`Self::stream`] made a socket of.
    pub(super) fn of_stream(socket: &SocketConfig) -> Self {
        let mut listener = Self::new(Transport::Tcp, socket.framing);
        match &socket.listen {
            Listen::Tcp { host, port } => {
                listener.host.clone_from(host);
                listener.port = Some(*port);
            }
            Listen::Unix(path) => listener = listener.at(Transport::Unix, path),
        }
        Self {
            max_connections: socket.max_connections,
            idle_timeout: socket.idle_timeout,
            tls: socket.tls.clone(),
            ..listener
        }
    }

    /// It, listening in the file system.
    pub(super) fn at(self, transport: Transport, path: &UnixPath) -> Self {
        Self { transport, path: Some(path.path.clone()), mode: path.mode, ..self }
    }
}
