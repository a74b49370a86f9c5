//! From chunks of the input to entries that are handed over together.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::sleep;

use super::PipeOptions;
use super::input::Chunks;
use crate::harvest::{Assembler, LineReader};
use crate::pipeline::{Haul, HaulBuilder};

const MOST_ENTRIES: usize = 1_000;
const MOST_BYTES: usize = 256 << 10;
/// Where within the source lines are from.
const ORIGIN: &str = "stdin";

/// Collects entries.
#[derive(Debug)]
pub(super) struct Collector {
    chunks: Chunks,
    assembler: Assembler,
    reader: LineReader,
    /// How long lines that may go on wait for more.
    patience: Duration,
    batch: HaulBuilder,
    is_over: bool,
}

impl Collector {
    pub(super) fn new(chunks: Chunks, options: &PipeOptions) -> Self {
        let line = &options.line;
        Self {
            chunks,
            assembler: Assembler::new(line),
            reader: LineReader::new(line, &options.timestamp_column),
            patience: line.multiline.as_ref().map_or(Duration::MAX, |lines| lines.timeout),
            batch: HaulBuilder::default(),
            is_over: false,
        }
    }

    /// Waits for entries and takes those that are there; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Haul>> {
        while !self.is_over && !self.is_full() {
            let chunk = if self.batch.is_empty() {
                tokio::select! {
                    chunk = self.chunks.recv() => chunk,
                    () = settled(self.assembler.has_event(), self.patience) => {
                        let Self { assembler, reader, batch, .. } = self;
                        assembler.settle(|line| reader.read(line, ORIGIN, batch));
                        continue;
                    }
                }
            } else {
                match self.chunks.try_recv() {
                    Ok(chunk) => Some(chunk),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => None,
                }
            };
            self.take(chunk.transpose()?);
        }
        let haul = self.batch.take();
        Ok((!haul.is_empty()).then_some(haul))
    }

    fn take(&mut self, chunk: Option<Bytes>) {
        let Self { assembler, reader, batch, .. } = self;
        match chunk {
            Some(chunk) => assembler.feed(&chunk, |line| reader.read(line, ORIGIN, batch)),
            None => {
                assembler.finish(|line| reader.read(line, ORIGIN, batch));
                self.is_over = true;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= MOST_ENTRIES || self.batch.byte_len() >= MOST_BYTES
    }
}

/// Waits until lines that may go on have waited for long enough; for ever when there are none.
async fn settled(has_event: bool, patience: Duration) {
    if has_event { sleep(patience).await } else { std::future::pending().await }
}
