//! The thread of maintenance: started after the store is open, ended before it is closed.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::InterruptHandle;
use tracing::error;

use super::retention::Retention;
use super::rules::Rules;
use super::{Maintenance, WorkbenchParts};
use crate::config::Config;
use crate::domain::Schema;
use crate::metrics::Metrics;
use crate::store::connection::open_reader;
use crate::store::queue::WriteQueue;
use crate::store::vacuum::Vacuum;
use crate::store::writer::WriterHealth;
use crate::store::{StoreError, database, retention_filters};

/// Between two interrupts of what keeps the service from stopping: one between two statements is forgotten.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

/// What of the store it works with.
pub(in crate::store) struct MaintenanceParts {
    pub(in crate::store) queue: Arc<WriteQueue>,
    pub(in crate::store) health: Arc<WriterHealth>,
    pub(in crate::store) metrics: Metrics,
}

/// The running thread.
pub(in crate::store) struct MaintenanceThread {
    thread: JoinHandle<()>,
    stop: mpsc::Sender<()>,
    /// Disconnected when the thread ends.
    ended: mpsc::Receiver<()>,
    reading: InterruptHandle,
}

impl MaintenanceThread {
    /// Starts it.
    ///
    /// # Errors
    /// A [`StoreError`] when the database can't be opened once more, or a rule's filter does not fit the table.
    pub(in crate::store) fn start(
        config: &Config,
        schema: &Schema,
        parts: MaintenanceParts,
    ) -> Result<Self, StoreError> {
        let reader = open_reader(&config.database)?;
        let reading = reader.get_interrupt_handle();
        let (stop, stopped) = mpsc::channel();
        let MaintenanceParts { queue, health, metrics } = parts;
        let rules = retention_filters::resolve(schema, &config.retention.rules)?;
        let rules = Rules::new(schema, rules);
        let retention = Retention::new(schema, config, rules, metrics.retention.clone());
        let vacuum = Vacuum::new(&health, &metrics, config.tasks.vacuum_pass_size.0);
        let parts = WorkbenchParts { reader, queue, stop: stopped, health, metrics };
        let maintenance = Maintenance::new(parts, retention, vacuum, config.tasks.vacuum_interval);
        let (end, ended) = mpsc::channel();
        let thread = database::spawn("maintenance", move || {
            let _end: mpsc::Sender<()> = end;
            maintenance.run();
        });
        Ok(Self { thread, stop, ended, reading })
    }

    /// Ends it: what it reads is interrupted, and a chore under way is done. The queue must be closed.
    pub(in crate::store) fn stop(self) {
        drop(self.stop);
        while self.ended.recv_timeout(INTERRUPT_EVERY) == Err(RecvTimeoutError::Timeout) {
            self.reading.interrupt();
        }
        if self.thread.join().is_err() {
            error!(thread = "maintenance", "a thread of the store ended in a panic");
        }
    }
}

impl fmt::Debug for MaintenanceThread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MaintenanceThread").finish_non_exhaustive()
    }
}
