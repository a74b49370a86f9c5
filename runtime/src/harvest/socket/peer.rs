//! The stream of bytes that a peer sends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A connected peer. Dropped without [`Peer::close`], a TCP connection is reset: its end is no confirmation.
#[derive(Debug)]
pub(super) struct Peer {
    stream: Stream,
    is_closed: bool,
}

/// Of which kind it is.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Peer {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, is_closed: false }
    }

    /// Ends the connection in order: all that came is stored. What can't be said any more is not.
    pub(super) async fn close(mut self, patience: Duration) {
        self.is_closed = true;
        if let Stream::Tls(stream) = &mut self.stream
            && let Ok(Err(error)) = tokio::time::timeout(patience, stream.shutdown()).await
        {
            tracing::debug!(%error, "the peer had left before");
        }
    }
}

impl Stream {
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Unix(_) => None,
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, space),
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, space),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, space),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        let reset =
            self.stream.tcp().map(|tcp| SockRef::from(tcp).set_linger(Some(Duration::ZERO)));
        if let Some(Err(error)) = reset {
            tracing::debug!(%error, "a connection can't be reset");
        }
    }
}
