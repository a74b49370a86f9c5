//! Buffers to read into, shared by all connections: one that is silent has none.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// As many are kept while nobody reads.
const MOST_KEPT: usize = 8;

/// Buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Box<[u8]>>>);

/// What was read. It is to be given back.
#[derive(Debug)]
pub(super) struct Chunk {
    buffer: Box<[u8]>,
    length: usize,
}

impl Buffers {
    /// Waits for the next bytes; none are left when the chunk is empty. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The stream's.
    pub(super) async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Chunk> {
        poll_fn(|context| self.poll_read(stream, context)).await
    }

    /// Reads what is there already, or nothing.
    ///
    /// # Errors
    /// The stream's.
    pub(super) async fn read_now(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<Chunk>> {
        poll_fn(|context| match self.poll_read(stream, context) {
            Poll::Ready(read) => Poll::Ready(read.map(Some)),
            Poll::Pending => Poll::Ready(Ok(None)),
        })
        .await
    }

    pub(super) fn give_back(&self, chunk: Chunk) {
        let mut free = self.free();
        if free.len() < MOST_KEPT {
            free.push(chunk.buffer);
        }
    }

    fn poll_read(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Chunk>> {
        let kept = self.free().pop();
        let mut buffer = kept.unwrap_or_else(|| vec![0; CHUNK].into_boxed_slice());
        let mut space = ReadBuf::new(&mut buffer);
        let read = Pin::new(stream).poll_read(context, &mut space);
        let length = space.filled().len();
        let chunk = Chunk { buffer, length };
        match read {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(chunk)),
            Poll::Ready(Err(error)) => {
                self.give_back(chunk);
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                self.give_back(chunk);
                Poll::Pending
            }
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}
