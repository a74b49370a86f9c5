//! Returning free pages, as a step of maintenance at an interval of its own: retention may go on without a pause.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::{Halt, Workbench};
use crate::store::vacuum::{Step, Vacuum};

/// Returns free pages every now and then.
pub(super) struct Space {
    vacuum: Vacuum,
    interval: Duration,
    due: Instant,
    /// The latest pass failed.
    failing: bool,
}

impl Space {
    pub(super) fn new(vacuum: Vacuum, interval: Duration) -> Self {
        Self { vacuum, interval, due: Instant::now(), failing: false }
    }

    /// Makes a pass, if it is time. What keeps it from its work is told once, and tried again at each interval.
    ///
    /// # Errors
    /// Only [`Halt::Stopping`].
    pub(super) fn pass(&mut self, bench: &mut Workbench) -> Result<(), Halt> {
        if Instant::now() < self.due {
            return Ok(());
        }
        let step = |pages| bench.chore(move |connection| Step::run(connection, pages));
        match self.vacuum.pass(step) {
            Ok(bytes) => {
                if std::mem::take(&mut self.failing) {
                    info!("free pages are returned again");
                }
                if bytes > 0 {
                    info!(bytes, "free pages returned to the file system");
                }
            }
            Err(Halt::Stopping) => return Err(Halt::Stopping),
            Err(Halt::Failed(error)) => {
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(%error, "free pages could not be returned; tried again at each interval");
                }
            }
        }
        // A little early is on time: the thread wakes at this interval, too.
        self.due = Instant::now() + self.interval.mul_f64(0.9);
        Ok(())
    }
}
