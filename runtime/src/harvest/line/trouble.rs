//! Tells of times that can't be read: counted, and told once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// Between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// Times of one harvester that can't be read.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Since the last warning.
    count: u64,
    last: Option<Instant>,
}

impl Trouble {
    /// Counts one, and warns of it and those before it if there was no warning for a while.
    pub(super) fn note(&self, harvester: &str, field: &str) {
        if let Some(entries) = self.count() {
            warn!(
                harvester,
                field,
                entries,
                "times can't be read by `timestamp.format`; entries keep the field as it is, and get the time of arrival if they have no other"
            );
        }
    }

    /// How many to tell of; none while it is too soon.
    fn count(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.last.is_some_and(|last| last.elapsed() < QUIET) {
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_the_next_are_counted() {
        let trouble = Trouble::default();
        assert_eq!(trouble.count(), Some(1));
        assert_eq!(trouble.count(), None);
        assert_eq!(trouble.count(), None);
        trouble.state.lock().expect("no test holds it").last = None;
        assert_eq!(trouble.count(), Some(3));
    }
}
