//! Tells what may happen any number of times at most once a minute, with how often it did.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(60);

/// Counts what happens between two times that it is told.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Adds so many, and hands out how many are to be told now, if any.
    pub(super) fn add(&self, count: u64) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += count;
        let is_due = state.told.is_none_or(|told| told.elapsed() >= PAUSE);
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
        let seldom = Seldom::default();
        assert_eq!(seldom.add(0), None);
        assert_eq!(seldom.add(3), Some(3));
        assert_eq!((seldom.add(1), seldom.add(1)), (None, None));
        seldom.0.lock().expect("nobody panics").told = Instant::now().checked_sub(PAUSE);
        assert_eq!(seldom.add(0), Some(2));
        assert_eq!(seldom.add(0), None);
    }
}
