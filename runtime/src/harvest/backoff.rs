//! How long to wait before something that failed is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// After this many failures in a row the circuit opens: it is tried again seldom.
const OPENS_AFTER: u32 = 10;
const OPEN: Duration = Duration::from_secs(300);

/// Pauses that double from 1 s to 30 s, each up to a fifth shorter or longer, so that many that failed together do
/// not come back together.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

/// A pause before the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The usual one.
    Short(Duration),
    /// It has failed too often: the circuit is open.
    Open(Duration),
}

impl Backoff {
    /// Counts a failure and says how long to wait.
    pub fn next_pause(&mut self) -> Pause {
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        if self.failures > OPENS_AFTER {
            return Pause::Open(with_jitter(OPEN));
        }
        Pause::Short(with_jitter(FIRST.saturating_mul(1 << doublings).min(LONGEST)))
    }

    /// Forgets the failures, after a time without any.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

impl Pause {
    /// How long it is.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::Short(duration) | Self::Open(duration) => duration,
        }
    }
}

fn with_jitter(pause: Duration) -> Duration {
    // The standard library's hashers start from random keys.
    let random = RandomState::new().build_hasher().finish() % 1_000;
    pause.mul_f64(0.8 + 0.4 * random as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_then_the_circuit_opens() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..=OPENS_AFTER).map(|_| backoff.next_pause()).collect();
        for (pause, expected) in pauses.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]) {
            let Pause::Short(duration) = pause else { panic!("{pause:?}") };
            let ratio = duration.as_secs_f64() / expected;
            assert!((0.8..=1.2).contains(&ratio), "{pause:?} instead of {expected} s");
        }
        assert!(matches!(pauses.last(), Some(Pause::Open(_))));

        backoff.reset();

        assert!(backoff.next_pause().duration() < Duration::from_secs(2));
    }
}
