//! Sockets that datagrams come to: UDP and Unix.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use socket2::{Protocol, SockRef, Type};
use tokio::io::ReadBuf;
use tokio::net::{UdpSocket, UnixDatagram};
use tracing::warn;

use super::listener::{name, new_socket, refuse};
use super::place::{self, Place};
use crate::config::UnixPath;
use crate::domain::ByteSize;
use crate::harvest::Failure;

/// Where datagrams come to.
#[derive(Debug, Clone)]
pub(super) enum Door {
    Udp {
        address: SocketAddr,
        /// Zero: the system's default.
        receive_buffer: ByteSize,
    },
    Unix(UnixPath),
}

/// The length of a datagram, and over UDP who sent it.
pub(super) type Received = (usize, Option<SocketAddr>);

/// An open socket.
#[derive(Debug)]
pub(super) enum DatagramSocket {
    Udp(UdpSocket),
    Unix(UnixDatagram, Place),
}

impl DatagramSocket {
    /// Opens it.
    ///
    /// # Errors
    /// When it can't be; the message names the address.
    pub(super) async fn bind(door: &Door) -> Result<Self, Failure> {
        match door {
            Door::Udp { address, receive_buffer } => {
                let socket = bind_udp(*address, *receive_buffer);
                let refused = |error| refuse(&address.ip().to_string(), address.port(), &error);
                socket.map(Self::Udp).map_err(refused)
            }
            Door::Unix(path) => {
                let (socket, place) = place::receive(path).await?;
                Ok(Self::Unix(socket, place))
            }
        }
    }

    /// What it listens on; the port is the real one.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Udp(socket) => socket.local_addr().map_or_else(|e| e.to_string(), name),
            Self::Unix(_, place) => place.path().display().to_string(),
        }
    }

    /// Its inode, by which the system lists it; none where it drops nothing.
    pub(super) fn inode(&self) -> Option<u64> {
        match self {
            Self::Udp(socket) => rustix::fs::fstat(socket.as_fd()).ok().map(|stat| stat.st_ino),
            Self::Unix(..) => None,
        }
    }

    /// Waits for a datagram. What is longer than the buffer is cut.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        poll_fn(|context| self.poll(context, buffer)).await
    }

    /// A datagram that is there already, if one is.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn receive_now(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let received = match self {
            Self::Udp(socket) => {
                socket.try_recv_from(buffer).map(|(length, from)| (length, Some(from)))
            }
            Self::Unix(socket, _) => socket.try_recv(buffer).map(|length| (length, None)),
        };
        match received {
            Ok(received) => Ok(Some(received)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn poll(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<Received>> {
        let mut space = ReadBuf::new(buffer);
        let received = match self {
            Self::Udp(socket) => socket.poll_recv_from(context, &mut space).map_ok(Some),
            Self::Unix(socket, _) => socket.poll_recv(context, &mut space).map_ok(|()| None),
        };
        received.map_ok(|from| (space.filled().len(), from))
    }
}

/// Not with SO_REUSEADDR: for UDP that lets another program take the port over.
fn bind_udp(address: SocketAddr, receive_buffer: ByteSize) -> io::Result<UdpSocket> {
    let socket = new_socket(address, Type::DGRAM, Protocol::UDP)?;
    if receive_buffer.0 > 0 {
        let bytes = usize::try_from(receive_buffer.0).unwrap_or(usize::MAX);
        socket.set_recv_buffer_size(bytes.min(i32::MAX as usize))?;
        warn_if_less(&SockRef::from(&socket), receive_buffer)?;
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Linux grants twice as much, for its own needs, up to a limit.
fn warn_if_less(socket: &SockRef<'_>, wanted: ByteSize) -> io::Result<()> {
    let granted = socket.recv_buffer_size()? as u64;
    if granted < wanted.0 {
        warn!(
            %wanted,
            granted = %ByteSize(granted),
            "the system grants less of a `receive_buffer`; raise its limit by `sysctl -w net.core.rmem_max={}`",
            wanted.0
        );
    }
    Ok(())
}
