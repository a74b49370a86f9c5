//! Standard input, until its end.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::outlet::outlet;
use super::stream::LineStream;
use super::{Failure, Feed, Harvester, LineReader};
use crate::config::LineConfig;

/// Harvests standard input.
#[derive(Debug)]
pub(super) struct StdinHarvester {
    line: LineConfig,
    reader: Arc<LineReader>,
    feed: Feed,
}

impl StdinHarvester {
    pub(super) fn new(line: LineConfig, reader: Arc<LineReader>, feed: Feed) -> Self {
        Self { line, reader, feed }
    }

    async fn read(&self, stopping: CancellationToken) -> Result<(), Failure> {
        let (outlet, hauls) = outlet();
        let metrics = self.feed.metrics();
        let lines = LineStream::new(&self.line, &self.reader, "stdin", outlet, metrics);
        metrics.inputs.inc();
        // A read that has begun goes on when this ends. The runtime of native harvesters doesn't wait for it.
        let mut stdin = tokio::io::stdin();
        let (read, stored) =
            tokio::join!(lines.read_to_end(&mut stdin, &stopping), hauls.store_all(&self.feed));
        metrics.inputs.dec();
        stored?;
        read.map_err(|error| Failure::Passing(format!("standard input can't be read: {error}")))
    }
}

impl Harvester for StdinHarvester {
    fn name(&self) -> &str {
        self.feed.source().as_str()
    }

    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
        self.read(stopping).boxed()
    }
}
