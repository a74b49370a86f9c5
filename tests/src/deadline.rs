//! Waiting for conditions.

use std::time::{Duration, Instant};

/// How long anything may take before a test fails: long, as test machines are slow and busy.
pub const DEADLINE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(10);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`DEADLINE`]; the message says what was waited for.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that waits, for a condition with a deadline"
)]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "waited {DEADLINE:?} in vain: {what}");
        std::thread::sleep(POLL);
    }
}
