//! Sources that loglite reads by itself: what a harvester is, and how it is kept running.
//!
//! It knows neither SQLite nor WebAssembly.

mod backoff;
mod command;
mod docker;
mod exec;
mod feed;
mod file;
mod journald;
mod line;
mod native;
mod outlet;
mod seldom;
mod socket;
mod stderr;
mod stdin;
mod stream;
mod supervise;
mod threads;
mod zmq;

use std::fmt;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

pub use backoff::{Backoff, Pause};
pub use feed::{Feed, Stopped};
pub use line::{Assembler, FieldValue, Line, LineReader};
pub use native::{NativeHarvesters, interpreters};
pub use supervise::Supervised;
pub use threads::Threads;

/// Brings entries into the pipeline.
pub trait Harvester: fmt::Debug + Send + Sync {
    /// Its name in the configuration: the source of its entries and of its checkpoint.
    fn name(&self) -> &str;

    /// Harvests until it is asked to end or nothing is left to harvest. Called anew for each start.
    /// When `stopping` is cancelled it hands over what it holds and returns; a few seconds later it is dropped.
    ///
    /// # Errors
    /// [`Failure`], after which the supervisor decides whether it is started again.
    fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>>;
}

/// Why a harvester ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Its configuration or its program is unusable: another start would end the same way.
    #[error("{0}")]
    Hopeless(String),
    /// Something that another start may overcome.
    #[error("{0}")]
    Passing(String),
}
