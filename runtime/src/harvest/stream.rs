//! Entries of a stream of lines: a pipe, standard input.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::outlet::Outlet;
use super::{Assembler, LineReader};
use crate::config::LineConfig;
use crate::metrics::HarvesterMetrics;

const READ_BYTES: usize = 32 << 10;

/// Reads lines of one stream.
#[derive(Debug)]
pub(super) struct LineStream {
    assembler: Assembler,
    reader: Arc<LineReader>,
    /// Where within the source it is.
    origin: &'static str,
    outlet: Outlet,
    metrics: HarvesterMetrics,
    /// How long what may go on waits for more; none when a line is an entry.
    patience: Option<Duration>,
}

impl LineStream {
    /// For one stream, from its begin on.
    pub(super) fn new(
        line: &LineConfig,
        reader: &Arc<LineReader>,
        origin: &'static str,
        outlet: Outlet,
        metrics: &HarvesterMetrics,
    ) -> Self {
        Self {
            assembler: Assembler::new(line),
            reader: Arc::clone(reader),
            origin,
            outlet,
            metrics: metrics.clone(),
            patience: line.multiline.as_ref().map(|multiline| multiline.timeout),
        }
    }

    /// Reads until the end of the stream, or until `stopping` is cancelled, and hands all of it on. A last line needs
    /// no line end.
    ///
    /// # Errors
    /// Those of the stream; what came before is handed on.
    pub(super) async fn read_to_end<R>(
        mut self,
        stream: &mut R,
        stopping: &CancellationToken,
    ) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
    {
        let ended = tokio::select! {
            ended = self.read(stream) => ended,
            () = stopping.cancelled() => Ok(()),
        };
        self.finish();
        self.outlet.flush().await;
        ended
    }

    /// Dropping the future loses nothing.
    async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let Some(count) = self.next(stream, &mut buffer).await else {
                self.settle();
                continue;
            };
            let Some(bytes) = buffer.get(..count?).filter(|bytes| !bytes.is_empty()) else {
                return Ok(());
            };
            self.metrics.bytes.inc_by(bytes.len() as u64);
            let (reader, origin) = (&self.reader, self.origin);
            let haul = self.outlet.haul();
            self.assembler.feed(bytes, |line| reader.read(line, origin, haul));
        }
    }

    /// The next bytes; none when what is pending has waited long enough for more.
    async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        buffer: &mut [u8],
    ) -> Option<io::Result<usize>> {
        let reading = self.outlet.read(stream, buffer);
        match self.patience.filter(|_| self.assembler.has_event()) {
            Some(patience) => timeout(patience, reading).await.ok(),
            None => Some(reading.await),
        }
    }

    fn settle(&mut self) {
        let (reader, origin) = (&self.reader, self.origin);
        let haul = self.outlet.haul();
        self.assembler.settle(|line| reader.read(line, origin, haul));
    }

    fn finish(&mut self) {
        let (reader, origin) = (&self.reader, self.origin);
        let haul = self.outlet.haul();
        self.assembler.finish(|line| reader.read(line, origin, haul));
    }
}
