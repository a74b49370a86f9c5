//! Something that is said in the log from time to time only, however often it happens.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When to say it.
#[derive(Debug)]
pub(super) struct Seldom {
    every: Duration,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// At most once in this time.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, said: Mutex::default() }
    }

    /// Whether to say it now, and how often it has not been said since the last time.
    pub(super) fn due(&self) -> Option<u64> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.last.is_some_and(|last| last.elapsed() < self.every) {
            said.untold += 1;
            return None;
        }
        said.last = Some(Instant::now());
        Some(std::mem::take(&mut said.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_is_said_once_and_then_counted() {
        let seldom = Seldom::new(Duration::from_secs(3_600));
        assert_eq!([seldom.due(), seldom.due(), seldom.due()], [Some(0), None, None]);

        let always = Seldom::new(Duration::ZERO);
        assert_eq!([always.due(), always.due()], [Some(0), Some(0)]);
    }
}
