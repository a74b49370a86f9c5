//! What time it is, with doubt: a clock that is wrong must not delete what is young.
//!
//! A clock that is behind deletes too little, for a while. One that is ahead would delete too much, for good. So it is
//! doubted for [`DOUBT`] when it has jumped ahead of the steady clock while the service ran, and when at the start even
//! the newest row is too old to be kept: time enough for someone, or NTP, to set it right.

use std::time::{Duration, Instant};

use crate::domain::UnixMicros;

/// How long nothing is deleted for its age.
const DOUBT: Duration = Duration::from_secs(3600);
/// Clocks are set right by less than this without a doubt.
const TOLERANCE: Duration = Duration::from_secs(3600);

/// A reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) wall: UnixMicros,
    pub(super) steady: Instant,
}

/// Whether the clock is believed.
#[derive(Debug, Default)]
pub(super) struct DoubtedClock {
    /// The last reading that was believed.
    believed: Option<Reading>,
    doubted_since: Option<Instant>,
}

impl Reading {
    pub(super) fn now() -> Self {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since_1970.map_or(0, micros);
        Self { wall: UnixMicros(micros), steady: Instant::now() }
    }
}

impl DoubtedClock {
    /// Whether this reading is believed. `all_is_old` tells whether by it even the newest row would be deleted; none where
    /// no row tells.
    pub(super) fn believe(&mut self, now: Reading, all_is_old: Option<bool>) -> bool {
        let is_plausible = self.believed.map_or(all_is_old != Some(true), |before| {
            let passed = now.steady.saturating_duration_since(before.steady) + TOLERANCE;
            now.wall.0 <= before.wall.0.saturating_add(micros(passed))
        });
        if !is_plausible {
            let since = *self.doubted_since.get_or_insert(now.steady);
            if now.steady.saturating_duration_since(since) < DOUBT {
                return false;
            }
        }
        self.doubted_since = None;
        if self.believed.is_some() || all_is_old.is_some() {
            self.believed = Some(now);
        }
        true
    }

    /// Whether the doubt began with this reading.
    pub(super) fn has_just_begun_to_doubt(&self, now: Reading) -> bool {
        self.doubted_since == Some(now.steady)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    /// Readings this many seconds after the start, by the steady clock and by the other one.
    fn readings(at: &[(u64, u64)]) -> Vec<Reading> {
        let start = Instant::now();
        let reading = |(steady, wall): &(u64, u64)| Reading {
            steady: start + Duration::from_secs(*steady),
            wall: UnixMicros(micros(Duration::from_secs(1_800_000_000 + wall))),
        };
        at.iter().map(reading).collect()
    }

    fn believed(at: &[(u64, u64)], all_is_old: bool) -> Vec<bool> {
        let mut clock = DoubtedClock::default();
        readings(at).into_iter().map(|now| clock.believe(now, Some(all_is_old))).collect()
    }

    #[test]
    fn a_clock_that_goes_on_is_believed() {
        let at = [(0, 0), (60, 60), (2 * DAY, 2 * DAY + 100)];
        assert_eq!(believed(&at, false), [true, true, true]);
    }

    #[test]
    fn a_clock_that_is_set_back_is_believed() {
        assert_eq!(believed(&[(DAY, DAY), (DAY + 60, 60)], false), [true, true]);
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_doubted_until_it_is_set_right() {
        let at = [(0, 0), (60, 9 * DAY), (120, 9 * DAY + 60), (180, 180)];
        assert_eq!(believed(&at, false), [true, false, false, true]);
    }

    #[test]
    fn a_clock_that_stays_ahead_is_believed_in_the_end() {
        let at = [(0, 0), (60, DAY), (HOUR, DAY + HOUR), (HOUR + 60, DAY + HOUR)];
        assert_eq!(believed(&at, false), [true, false, false, true]);
    }

    #[test]
    fn at_the_start_a_clock_by_which_all_is_old_is_doubted_for_a_while() {
        let at = [(0, 0), (60, 60), (HOUR, HOUR), (HOUR + 1, HOUR + 1)];
        assert_eq!(believed(&at, true), [false, false, true, true]);
    }

    #[test]
    fn once_believed_a_clock_may_make_everything_old() {
        let mut clock = DoubtedClock::default();
        let [first, second] = readings(&[(0, 0), (60, 60)])[..] else { panic!("two readings") };
        assert!(clock.believe(first, Some(false)));
        assert!(clock.believe(second, Some(true)));
    }

    #[test]
    fn an_empty_table_says_nothing_for_the_clock() {
        let mut clock = DoubtedClock::default();
        let [first, second] = readings(&[(0, 0), (60, 60)])[..] else { panic!("two readings") };
        assert!(clock.believe(first, None));
        assert!(!clock.believe(second, Some(true)));
    }
}
