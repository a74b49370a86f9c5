//! What may happen any number of times and is told in the log from time to time, with how often it did.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts what happens between two times that it is told.
#[derive(Debug)]
pub(super) struct Seldom {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Told at most once in this time.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, state: Mutex::default() }
    }

    /// Told at most once a minute.
    pub(super) fn each_minute() -> Self {
        Self::new(Duration::from_secs(60))
    }

    /// Adds so many, and hands out how many are to be told now, if any.
    pub(super) fn add(&self, count: u64) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += count;
        let is_due = state.told.is_none_or(|told| told.elapsed() >= self.every);
        if state.untold == 0 || !is_due {
            return None;
        }
        state.told = Some(Instant::now());
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_next_after_a_while() {
        let seldom = Seldom::each_minute();
        assert_eq!(seldom.add(0), None);
        assert_eq!(seldom.add(3), Some(3));
        assert_eq!((seldom.add(1), seldom.add(1)), (None, None));
        let long_ago = Instant::now().checked_sub(seldom.every);
        seldom.state.lock().expect("nobody panics").told = long_ago;
        assert_eq!(seldom.add(0), Some(2));
        assert_eq!(seldom.add(0), None);
    }
}
