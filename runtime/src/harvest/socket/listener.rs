//! Where stream peers connect: TCP and Unix sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, lookup_host};

use super::peer::Stream;
use super::place::{self, Place};
use crate::config::Listen;
use crate::harvest::Failure;

/// Peers that wait to be accepted, at most.
const BACKLOG: i32 = 1024;
/// A peer that vanished without a word is noticed some minutes after this.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// An open socket.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, Place),
}

impl Listener {
    /// Opens it.
    ///
    /// # Errors
    /// When it can't be; the message names the address.
    pub(super) async fn bind(listen: &Listen) -> Result<Self, Failure> {
        match listen {
            Listen::Tcp { host, port } => Ok(Self::Tcp(bind_tcp(host, *port).await?)),
            Listen::Unix(path) => {
                let (listener, place) = place::listen(path).await?;
                Ok(Self::Unix(listener, place))
            }
        }
    }

    /// What it listens on; the port is the real one.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|e| e.to_string(), name),
            Self::Unix(_, place) => place.path().display().to_string(),
        }
    }

    /// Waits for the next peer, and hands out where it is. Dropping the future loses none.
    ///
    /// # Errors
    /// The system's, mostly that there are no file handles left.
    pub(super) async fn accept(&self) -> io::Result<(Stream, String)> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(accepted),
            Self::Unix(listener, place) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), place.path().display().to_string()))
            }
        }
    }
}

/// An address as people write it: one of IPv4 in IPv6 is one of IPv4.
pub(super) fn name(address: SocketAddr) -> String {
    SocketAddr::new(address.ip().to_canonical(), address.port()).to_string()
}

/// A socket for this address that is not open yet. One for `::` takes IPv4, too.
///
/// # Errors
/// The system's.
pub(super) fn new_socket(
    address: SocketAddr,
    kind: Type,
    protocol: Protocol,
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.ip() == IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Why an address can't be listened on, and the way out.
pub(super) fn refuse(host: &str, port: u16, error: &io::Error) -> Failure {
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop the program that uses it, or set another port (0 picks a free one)"
        }
        io::ErrorKind::PermissionDenied => "set a port from 1024 on, or give loglite the right to",
        _ => "the host must be a name or an address of this machine",
    };
    Failure::Passing(format!("cannot listen on {host}:{port}: {error}; {way_out}"))
}

async fn bind_tcp(host: &str, port: u16) -> Result<TcpListener, Failure> {
    let refused = |error: io::Error| refuse(host, port, &error);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in lookup_host((host, port)).await.map_err(refused)? {
        match bind_one(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(refused(last))
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address, Type::STREAM, Protocol::TCP)?;
    // A new start must not wait for connections of the one before to time out.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn accepted((stream, address): (TcpStream, SocketAddr)) -> (Stream, String) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "peers that vanish are not noticed");
    }
    (Stream::Tcp(stream), name(address))
}
