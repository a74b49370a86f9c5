//! Where ZeroMQ sockets are bound or connect to: `tcp://host:port` and `ipc://path`.

use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A peer that has gone without a word is noticed after about twice this time.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What the system receives ahead of us for one connection.
const RECEIVE_BYTES: usize = 256 << 10;

/// Where a peer is, or where peers come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// TCP. The host is a name or an address.
    Tcp { host: String, port: u16 },
    /// A Unix socket.
    Ipc(PathBuf),
}

/// A bound endpoint.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

/// A connection of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Endpoint {
    /// Reads it; `*` is any address or any port.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let endpoint = if let Some(path) = text.strip_prefix("ipc://") {
            let is_path = !path.is_empty() && !path.starts_with('@') && path != "*";
            is_path.then(|| Self::Ipc(path.into()))
        } else {
            text.strip_prefix("tcp://").and_then(tcp)
        };
        endpoint.ok_or_else(|| {
            format!("the endpoint `{text}` is neither tcp://host:port nor ipc:///path/of/a/socket")
        })
    }

    /// Begins to listen there. A Unix socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// As the system says, such as that the address is in use.
    pub(super) async fn bind(&self) -> io::Result<Listener> {
        match self {
            Self::Tcp { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port)).await?;
                // Connections have the same.
                bound_what_is_held(&SockRef::from(&listener))?;
                Ok(Listener::Tcp(listener))
            }
            Self::Ipc(path) => {
                remove_stale(path).await?;
                UnixListener::bind(path).map(Listener::Ipc)
            }
        }
    }

    /// Connects to it.
    ///
    /// # Errors
    /// As the system says, such as that nobody listens there.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let connecting = async {
            match self {
                Self::Tcp { host, port } => {
                    tcp_stream(TcpStream::connect((host.as_str(), *port)).await?)
                }
                Self::Ipc(path) => Ok(Box::new(UnixStream::connect(path).await?) as _),
            }
        };
        timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Ipc(path) => write!(f, "ipc://{}", path.display()),
        }
    }
}

impl Listener {
    /// The next peer.
    ///
    /// # Errors
    /// As the system says, such as that too many files are open.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => tcp_stream(listener.accept().await?.0),
            Self::Ipc(listener) => Ok(Box::new(listener.accept().await?.0)),
        }
    }

    /// Where it listens, with the port that the system has picked.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr().ok()?;
                Some(Endpoint::Tcp { host: address.ip().to_string(), port: address.port() })
            }
            Self::Ipc(listener) => {
                let address = listener.local_addr().ok()?;
                address.as_pathname().map(|path| Endpoint::Ipc(path.into()))
            }
        }
    }
}

/// What the system has received and this process has not is lost when the process is killed.
fn bound_what_is_held(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_recv_buffer_size(RECEIVE_BYTES)
}

fn tcp_stream(stream: TcpStream) -> io::Result<Box<dyn Stream>> {
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 4);
    SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
    Ok(Box::new(stream))
}

fn tcp(address: &str) -> Option<Endpoint> {
    let (host, port) = address.rsplit_once(':')?;
    let port = if port == "*" { 0 } else { port.parse().ok()? };
    let host = match host {
        "" => return None,
        "*" => "0.0.0.0",
        host => host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host),
    };
    Some(Endpoint::Tcp { host: host.into(), port })
}

/// Removes what a process has left there that is gone.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket =
        tokio::fs::symlink_metadata(path).await.is_ok_and(|found| found.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tokio::fs::remove_file(path).await
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_zeromq_writes_them() {
        let tcp = |host: &str, port| Ok(Endpoint::Tcp { host: host.into(), port });
        assert_eq!(Endpoint::parse("tcp://127.0.0.1:5555"), tcp("127.0.0.1", 5555));
        assert_eq!(Endpoint::parse("tcp://*:5555"), tcp("0.0.0.0", 5555));
        assert_eq!(Endpoint::parse("tcp://[::1]:*"), tcp("::1", 0));
        assert_eq!(Endpoint::parse("tcp://log.example:80"), tcp("log.example", 80));
        assert_eq!(Endpoint::parse("ipc:///run/app"), Ok(Endpoint::Ipc("/run/app".into())));
        for wrong in
            ["", "127.0.0.1:5555", "tcp://:1", "tcp://a", "tcp://a:70000", "ipc://", "udp://a:1"]
        {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_nobody_listens_at_is_replaced_and_another_one_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let endpoint = Endpoint::Ipc(directory.path().join("socket"));
        let first = endpoint.bind().await.expect("it is new");

        endpoint.bind().await.expect_err("somebody listens");
        drop(first);

        endpoint.bind().await.expect("nobody listens");
    }
}
