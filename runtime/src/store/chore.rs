//! Work on the writing connection between two batches: deleting, returning pages, measuring.
//!
//! A chore holds up the batches behind it, so each is short: what takes long is cut into many, each queued when the one
//! before is done.

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::error;

/// Where a chore's outcome arrives. The channel closes without one when the store is closed before the chore is done.
pub(crate) type Outcome<T> = oneshot::Receiver<rusqlite::Result<T>>;

/// Work that is done once, on the writer's thread. It runs outside of a transaction, may open one, and must end it.
pub(super) struct Chore {
    run: Box<dyn FnOnce(&Connection) + Send>,
}

impl Chore {
    pub(super) fn new<T: Send + 'static>(
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> (Self, Outcome<T>) {
        let (sender, outcome) = oneshot::channel();
        let run = Box::new(move |connection: &Connection| {
            let result = work(connection);
            if !connection.is_autocommit()
                && let Err(cause) = connection.execute_batch("ROLLBACK")
            {
                error!(error = %cause, "an unfinished transaction could not be rolled back");
            }
            // Who asked may have gone.
            drop(sender.send(result));
        });
        (Self { run }, outcome)
    }

    pub(super) fn run(self, connection: &Connection) {
        (self.run)(connection);
    }
}

impl std::fmt::Debug for Chore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chore").finish_non_exhaustive()
    }
}
