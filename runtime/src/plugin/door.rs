//! A harvester's way into the pipeline, as the plugin layer sees it.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::domain::{Checkpoint, EntryText, Receipt};

/// Takes what one harvester brings in.
pub trait Door: fmt::Debug + Send + Sync {
    /// Stores the entries and the checkpoint together. Returns once they are committed, however long that takes.
    ///
    /// # Errors
    /// [`Closed`] when nothing is taken any more, and nothing of this was.
    fn ingest(
        &self,
        entries: Vec<EntryText>,
        checkpoint: Option<Checkpoint>,
    ) -> BoxFuture<'_, Result<Receipt, Closed>>;

    /// The last checkpoint that was committed under the harvester's name.
    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>>;
}

/// The service is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the service is stopping and takes no more entries")]
pub struct Closed;
