//! Standard output and error of a plugin: they go to loglite's log, line by line.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::log_gate::{Level, LogGate};

/// A line that is longer is written in parts.
const MAX_LINE: usize = 8 << 10;

/// What the guest may write at once.
const PERMIT: usize = 64 << 10;

/// One of the two outputs. Clones write to the same line.
#[derive(Debug, Clone)]
pub(super) struct LineOutput(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    level: Level,
    gate: Arc<LogGate>,
    begun: Vec<u8>,
}

impl LineOutput {
    pub(super) fn new(level: Level, gate: &Arc<LogGate>) -> Self {
        Self(Arc::new(Mutex::new(Line { level, gate: Arc::clone(gate), begun: Vec::new() })))
    }

    fn take(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
    }
}

impl Line {
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            for piece in text.chunks(MAX_LINE) {
                if self.begun.len() + piece.len() > MAX_LINE {
                    self.end();
                }
                self.begun.extend_from_slice(piece);
            }
            if ends {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        match self.level {
            Level::Warn => self.gate.write_error_line(text),
            level => self.gate.write(level, text),
        }
    }
}

/// What a plugin printed last, often the reason of its end, need not end with a newline.
impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

impl IsTerminal for LineOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LineOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for LineOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

impl AsyncWrite for LineOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let limits = crate::config::Limits::of_transform();
        let gate = Arc::new(LogGate::new(crate::metrics::PluginMetrics::of_nobody(), &limits));
        Line { level: Level::Info, gate, begun: Vec::new() }
    }

    #[test]
    fn a_line_is_written_once_it_is_whole() {
        let mut line = line();
        line.take(b"he");
        line.take(b"llo\nwor");
        assert_eq!(line.begun, b"wor");
        line.take(b"ld\n");
        assert!(line.begun.is_empty());
    }

    #[test]
    fn a_line_that_never_ends_takes_little_memory() {
        let mut line = line();
        for _ in 0..100 {
            line.take(&[b'x'; 3_000]);
            assert!(line.begun.len() <= MAX_LINE && line.begun.capacity() <= 2 * MAX_LINE);
        }
    }
}
