//! The writing side of a connection: knows whether an answer still waits for the client, and for how long it may.
//!
//! hyper takes an answer's body as soon as it has room for it, so only the stream can tell when the client has it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// A connection whose writes fail once the client has taken nothing for the timeout.
#[derive(Debug)]
pub(super) struct PatientWrites<S> {
    stream: S,
    timeout: Duration,
    blocked: Blocked,
    /// Armed while a write waits.
    due: Option<Pin<Box<Sleep>>>,
}

/// Tells whether bytes wait for the client to take them.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocked(Arc<AtomicBool>);

impl Blocked {
    pub(super) fn is_blocked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> PatientWrites<S> {
    pub(super) fn new(stream: S, timeout: Duration, blocked: Blocked) -> Self {
        Self { stream, timeout, blocked, due: None }
    }

    /// Passes on how a write went, unless it waits and has done so for too long.
    fn watch(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.blocked.0.store(outcome.is_pending(), Ordering::Relaxed);
        if outcome.is_ready() {
            self.due = None;
            return outcome;
        }
        let timeout = self.timeout;
        let due = self.due.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(due.as_mut().poll(context));
        let message = format!("the client has read nothing for {} s", timeout.as_secs_f64());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Instant;

    use super::*;

    /// Takes bytes or not.
    struct Client {
        reads: bool,
    }

    impl AsyncWrite for Client {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.reads { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn write(stream: &mut PatientWrites<Client>) -> io::Result<usize> {
        poll_fn(|context| Pin::new(&mut *stream).poll_write(context, b"answer")).await
    }

    #[tokio::test]
    async fn a_write_that_nobody_takes_fails_after_the_timeout() {
        let timeout = Duration::from_millis(20);
        let mut stream = PatientWrites::new(Client { reads: false }, timeout, Blocked::default());
        let begun = Instant::now();

        let error = write(&mut stream).await.expect_err("nobody reads");

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= timeout);
    }

    #[tokio::test]
    async fn a_connection_is_blocked_until_the_client_reads_again() {
        let blocked = Blocked::default();
        let client = Client { reads: false };
        let mut stream = PatientWrites::new(client, Duration::from_secs(600), blocked.clone());
        let waits = tokio::time::timeout(Duration::from_millis(1), write(&mut stream)).await;
        assert!(waits.is_err() && blocked.is_blocked());

        stream.stream.reads = true;

        assert_eq!(write(&mut stream).await.expect("the client reads"), 6);
        assert!(!blocked.is_blocked() && stream.due.is_none());
    }
}
