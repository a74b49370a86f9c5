//! When a transform that keeps failing is left alone for a while.

use std::time::Duration;

use tokio::time::Instant;

use crate::harvest::Backoff;

/// This many calls in a row of which nothing came open the circuit.
const FRUITLESS_CALLS: u32 = 5;
/// Failed calls may take this share of the time in the long run …
const LOST_SHARE: f64 = 0.25;
/// … and this much more at once.
const LOST_BURST: Duration = Duration::from_secs(2);
/// After this long without an opening the next pause is a short one again.
const HEALTHY: Duration = Duration::from_secs(60);

/// Counts failures, and opens when there are too many: entries are then given up without a call.
#[derive(Debug)]
pub(super) struct Circuit {
    backoff: Backoff,
    state: State,
    fruitless: u32,
    lost: Duration,
    /// When `lost` was right.
    as_of: Instant,
    closed_since: Instant,
}

#[derive(Debug)]
enum State {
    Closed,
    /// Until then, or for ever.
    Open {
        until: Option<Instant>,
        reason: String,
    },
    /// One call decides.
    Trial,
}

impl Circuit {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            backoff: Backoff::default(),
            state: State::Closed,
            fruitless: 0,
            lost: Duration::ZERO,
            as_of: now,
            closed_since: now,
        }
    }

    /// Why no call should be made now; none when one should.
    pub(super) fn refusal(&mut self) -> Option<&str> {
        let is_over = match &self.state {
            State::Open { until: Some(until), .. } => Instant::now() >= *until,
            _ => false,
        };
        if is_over {
            self.state = State::Trial;
        }
        match &self.state {
            State::Open { reason, .. } => Some(reason),
            State::Closed | State::Trial => None,
        }
    }

    /// A call succeeded.
    pub(super) fn passed(&mut self) {
        self.fruitless = 0;
        if matches!(self.state, State::Trial) {
            self.state = State::Closed;
            self.closed_since = Instant::now();
            self.lost = Duration::ZERO;
        }
    }

    /// A call failed, and finding out on which entries took this long in all. Returns the pause if this opens the circuit.
    pub(super) fn failed(
        &mut self,
        took: Duration,
        progress: Progress,
        reason: &str,
    ) -> Option<Duration> {
        let now = Instant::now();
        let regained = now.duration_since(self.as_of).mul_f64(LOST_SHARE);
        self.lost = self.lost.saturating_sub(regained) + took;
        self.as_of = now;
        self.fruitless = if progress == Progress::None { self.fruitless + 1 } else { 0 };
        let is_trial = matches!(self.state, State::Trial);
        let is_too_much = self.lost > LOST_BURST || self.fruitless >= FRUITLESS_CALLS;
        if is_too_much || (is_trial && progress == Progress::None) {
            return Some(self.open(reason));
        }
        if is_trial {
            self.state = State::Closed;
            self.closed_since = now;
        }
        None
    }

    /// Opens the circuit for a while; returns how long.
    pub(super) fn open(&mut self, reason: &str) -> Duration {
        if matches!(self.state, State::Closed) && self.closed_since.elapsed() >= HEALTHY {
            self.backoff.reset();
        }
        let pause = self.backoff.next_pause().duration();
        self.state = State::Open { until: Some(Instant::now() + pause), reason: reason.into() };
        self.fruitless = 0;
        self.lost = Duration::ZERO;
        pause
    }

    /// Opens the circuit until [`Circuit::reset`].
    pub(super) fn open_for_good(&mut self, reason: &str) {
        self.state = State::Open { until: None, reason: reason.into() };
    }

    /// Forgets everything: the component has changed.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }
}

/// Whether anything came of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Some entries passed.
    Some,
    /// None did.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_calls_that_all_came_to_nothing_and_tries_again_later() {
        let mut circuit = Circuit::new();
        for _ in 0..FRUITLESS_CALLS - 1 {
            assert_eq!(circuit.failed(QUICK, Progress::None, "traps"), None);
        }
        let pause = circuit.failed(QUICK, Progress::None, "traps").expect("it opens");
        assert_eq!(circuit.refusal(), Some("traps"));

        tokio::time::advance(pause).await;
        assert_eq!(circuit.refusal(), None, "one call is tried");
        let longer = circuit.failed(QUICK, Progress::None, "traps").expect("it opens at once");
        assert!(longer > pause);

        tokio::time::advance(longer).await;
        assert_eq!(circuit.refusal(), None);
        circuit.passed();
        assert_eq!(circuit.failed(QUICK, Progress::None, "traps"), None, "it is closed again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_faulty_entry_here_and_there_opens_nothing() {
        let mut circuit = Circuit::new();
        for _ in 0..1_000 {
            assert_eq!(circuit.failed(QUICK, Progress::Some, "traps"), None);
            tokio::time::advance(QUICK * 10).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_take_most_of_the_time_open_it() {
        let mut circuit = Circuit::new();
        let took = Duration::from_millis(450);
        let calls = (0..).take_while(|_| circuit.failed(took, Progress::Some, "loops").is_none());
        assert_eq!(calls.count(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_when_a_trial_that_half_succeeds_comes_between() {
        let mut circuit = Circuit::new();
        tokio::time::advance(HEALTHY).await;
        let mut pause = Duration::ZERO;
        for _ in 0..3 {
            let longer = circuit.open("traps");
            assert!(longer > pause);
            pause = longer;
            tokio::time::advance(pause).await;
            assert_eq!(circuit.refusal(), None);
            assert_eq!(circuit.failed(QUICK, Progress::Some, "traps"), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn for_good_is_until_the_component_changes() {
        let mut circuit = Circuit::new();
        circuit.open_for_good("bad config");
        tokio::time::advance(Duration::from_secs(100_000)).await;
        assert_eq!(circuit.refusal(), Some("bad config"));
        circuit.reset();
        assert_eq!(circuit.refusal(), None);
    }
}
