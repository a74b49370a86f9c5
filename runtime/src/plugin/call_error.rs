//! Why a call into a plugin came to nothing.

use std::time::Duration;

use crate::config::Limits;
use crate::domain::ByteSize;

/// A call that has ended without a result. The instance is unusable after it, but for [`CallError::TooMuchToTake`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The plugin crashed.
    #[error("it trapped: {0}")]
    Trap(String),
    /// It computed for too long.
    #[error("it computed for more than {limit:?}, its `{key}`")]
    CpuLimit {
        /// What it may take.
        limit: Duration,
        /// Where the configuration says so.
        key: &'static str,
    },
    /// It took too long, waiting included.
    #[error("{what} took more than {limit:?}, the plugin's `{key}`")]
    TimeLimit {
        /// The call.
        what: &'static str,
        /// What it may take.
        limit: Duration,
        /// Where the configuration says so.
        key: &'static str,
    },
    /// It wanted more memory, table elements or handles than it may have.
    #[error("it needs more {what} than its `{key}` allows ({})", shown(what, *limit))]
    MemoryLimit {
        /// `memory`, `table elements` or `handles`.
        what: &'static str,
        /// What it may have.
        limit: u64,
        /// Where the configuration says so.
        key: &'static str,
    },
    /// It handed over more than a call may.
    #[error("it hands over more {what} in one call than its `{key}` allows ({})", shown(what, *limit))]
    TooMuch {
        /// `entries` or `bytes`.
        what: &'static str,
        /// What a call may hold.
        limit: u64,
        /// Where the configuration says so.
        key: &'static str,
    },
    /// The entries are more than it may be given at once. The instance is as good as before.
    #[error("the call holds more {what} than the plugin's `{key}` allows ({})", shown(what, *limit))]
    TooMuchToTake {
        /// `entries` or `bytes`.
        what: &'static str,
        /// What a call may hold.
        limit: u64,
        /// Where the configuration says so.
        key: &'static str,
    },
    /// A transform did not give one verdict per entry.
    #[error("it gave {found} verdicts for {expected} entries")]
    WrongCount {
        /// How many entries it got.
        expected: usize,
        /// How many verdicts came back.
        found: usize,
    },
    /// The plugin can't use its configuration: another start would end the same way.
    #[error("it can't use its `config`: {0}")]
    BadConfig(String),
    /// The plugin gave up by itself, or could not be started.
    #[error("{0}")]
    Failed(String),
}

impl CallError {
    /// Names the limits as configured, where the call was given only its share of them.
    pub(super) fn of_a_whole_call(mut self, limits: &Limits) -> Self {
        match &mut self {
            Self::CpuLimit { limit, .. } => *limit = limits.cpu_per_call,
            Self::TimeLimit { limit, .. } => *limit = limits.time_per_call,
            _ => {}
        }
        self
    }
}

/// The limit as the configuration writes it.
fn shown(what: &str, limit: u64) -> String {
    if matches!(what, "memory" | "bytes") { ByteSize(limit).to_string() } else { limit.to_string() }
}
