//! What a plugin or a harvester is doing, and how often it had to be started again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter;

/// What a plugin or a harvester is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is being made ready.
    Starting,
    /// It works.
    Running,
    /// It has failed and is started again after a pause.
    Waiting,
    /// It has failed too often: it is tried again after a long pause, or once its component has changed.
    Open,
    /// It has ended, and is not started again.
    Finished,
    /// It can't be used as it is: it is started again once its component has changed.
    Unusable,
}

/// The runs of a plugin or a harvester. Clones are about the same ones.
#[derive(Debug, Clone)]
pub struct Runs {
    now: Arc<Mutex<Now>>,
    /// Calls or runs that failed.
    pub failures: Counter,
    /// New starts after a failure or an end.
    pub restarts: Counter,
    /// Components taken over from a changed file.
    pub reloads: Counter,
}

/// A state, and since when.
#[derive(Debug, Clone)]
pub(super) struct Now {
    pub(super) state: RunState,
    since: SystemTime,
    pub(super) last_error: Option<String>,
}

impl Runs {
    pub(super) fn new(failures: Counter, restarts: Counter, reloads: Counter) -> Self {
        let now = Now { state: RunState::Starting, since: SystemTime::now(), last_error: None };
        Self { now: Arc::new(Mutex::new(now)), failures, restarts, reloads }
    }

    /// Notes what it is doing from now on.
    pub fn enter(&self, state: RunState) {
        let mut now = self.lock();
        if now.state != state {
            now.state = state;
            now.since = SystemTime::now();
        }
    }

    /// Counts a failure and notes its reason.
    pub fn failed(&self, reason: &str) {
        self.failures.inc();
        self.lock().last_error = Some(reason.to_owned());
    }

    /// Notes what is wrong with a part of its work, while it goes on.
    pub fn note(&self, reason: &str) {
        self.lock().last_error = Some(reason.to_owned());
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self) -> RunState {
        self.lock().state
    }

    pub(super) fn now(&self) -> Now {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    /// For how long it has been in this state, in seconds.
    pub(super) fn seconds(&self) -> u64 {
        self.since.elapsed().unwrap_or_default().as_secs()
    }
}
