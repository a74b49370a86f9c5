//! Ends of a service at arbitrary moments.

use std::time::{Duration, Instant};

use crate::deadline::eventually;
use crate::home::Home;
use crate::server::Server;

impl Home {
    /// Starts the service and ends it, this many times, each time at another moment at the latest `longest` after it
    /// has begun to listen. The moments are the same in every run.
    pub fn over_many_ends(&self, times: u64, longest: Duration, end: impl Fn(Server)) {
        for moment in moments(times, longest) {
            let server = self.start();
            let begun = Instant::now();
            eventually("its moment comes", || (begun.elapsed() >= moment).then_some(()));
            end(server);
        }
    }
}

/// Spread over the time by multiples of the golden ratio.
fn moments(count: u64, longest: Duration) -> impl Iterator<Item = Duration> {
    let share = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) as f64 / u64::MAX as f64;
    (1..=count).map(move |n| longest.mul_f64(share(n)))
}
