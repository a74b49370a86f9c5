//! The times of intervals: what the wall's clock shows, held together by one that is never set.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How far the wall's clock may drift within an interval before it counts as set.
const DRIFT: Duration = Duration::from_secs(1);

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    wall: Timestamp,
    steady: Instant,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { wall: Timestamp::now(), steady: Instant::now() }
    }

    pub(super) fn steady(&self) -> Instant {
        self.steady
    }

    /// When an interval from this moment to a later one began and ended. It is as long as it really was: when the clock
    /// was set meanwhile, its begin is told by the new time. The end is never before the begin.
    pub(super) fn until(&self, end: &Self) -> (Timestamp, Timestamp) {
        let took = end.steady.saturating_duration_since(self.steady);
        let since = end.wall.checked_sub(took).unwrap_or(end.wall);
        let off = since.duration_since(self.wall).unsigned_abs();
        let since = if off <= DRIFT { self.wall } else { since };
        (since.min(end.wall), end.wall)
    }

    /// The time on the wall so long ago.
    pub(super) fn ago(&self, time: Duration) -> Timestamp {
        self.wall.checked_sub(time).unwrap_or(Timestamp::MIN)
    }
}

/// A time as the tables hold it: as text it sorts as the time does, from year 0 on.
pub(super) fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: &str, begun: Instant, seconds: u64) -> Moment {
        let wall = wall.parse().expect("a time");
        Moment { wall, steady: begun + Duration::from_secs(seconds) }
    }

    #[test]
    fn an_interval_ends_after_its_begin_however_the_clock_is_set() {
        let begun = Instant::now();
        let start = moment("2026-11-28T12:00:00.5Z", begun, 0);
        for (end, since) in [
            ("2026-11-28T12:01:00.5Z", "2026-11-28T12:00:00.500Z"),
            ("2026-11-28T12:01:00.7Z", "2026-11-28T12:00:00.500Z"),
            ("2026-11-27T12:01:00.5Z", "2026-11-27T12:00:00.500Z"),
            ("2026-11-29T12:01:00.5Z", "2026-11-29T12:00:00.500Z"),
        ] {
            let (found, until) = start.until(&moment(end, begun, 60));
            assert_eq!(written(found), since, "{end}");
            assert!(found <= until, "{end}");
        }
        let (since, until) = start.until(&moment("2026-11-28T12:00:00.1Z", begun, 0));
        assert_eq!(since, until);
    }
}
