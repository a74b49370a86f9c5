//! How long a call computes, and how long it waits for something outside.
//!
//! wasmtime's epochs only say when to look: what counts is the CPU time of the thread while it polls the call, so that
//! a busy machine, or a plugin's neighbours, are not charged to it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, Sleep, sleep_until};

/// No wait has a deadline.
const NONE: u64 = u64::MAX;

/// What a budget of CPU time is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// The whole call.
    Call,
    /// Each stretch between two calls to the host.
    Slice,
}

/// The accounts of one instance. Only the task that owns the instance writes to them, and wasmtime's callbacks run on
/// that task too; atomics because the compiler can't see that.
#[derive(Debug)]
pub(super) struct Meter {
    span: Span,
    /// CPU time that counts, without that of the poll under way. Nanoseconds, as all here.
    used: AtomicU64,
    /// The thread's CPU clock when the poll under way began.
    poll_began: AtomicU64,
    budget: AtomicU64,
    /// The guest has called the host since the last look.
    called_host: AtomicBool,
    /// When what the guest waits for must be there, counted from `origin`.
    deadline: AtomicU64,
    origin: Instant,
    wait_limit: Duration,
}

/// A call to the host waited too long for something outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaitedTooLong;

impl Meter {
    /// `wait_limit` is how long one call to the host may wait for something outside.
    pub(super) fn new(span: Span, wait_limit: Duration) -> Self {
        Self {
            span,
            used: AtomicU64::new(0),
            poll_began: AtomicU64::new(0),
            budget: AtomicU64::new(0),
            called_host: AtomicBool::new(false),
            deadline: AtomicU64::new(NONE),
            origin: Instant::now(),
            wait_limit,
        }
    }

    /// A new call begins, which may take this much CPU time.
    pub(super) fn begin(&self, budget: Duration) {
        self.budget.store(nanoseconds(budget), Relaxed);
        self.used.store(0, Relaxed);
        self.inside();
    }

    /// The guest calls something that waits for the world: files, network.
    pub(super) fn outside(&self) {
        let deadline = self.origin.elapsed().saturating_add(self.wait_limit);
        self.deadline.store(nanoseconds(deadline), Relaxed);
        self.called_host.store(true, Relaxed);
    }

    /// The guest calls something that may wait as long as it likes, or does not wait.
    pub(super) fn inside(&self) {
        self.deadline.store(NONE, Relaxed);
        self.called_host.store(true, Relaxed);
    }

    /// A tick while the guest computes: whether it may go on.
    pub(super) fn may_go_on(&self) -> bool {
        self.deadline.store(NONE, Relaxed);
        let now = thread_cpu();
        if self.called_host.swap(false, Relaxed) && self.span == Span::Slice {
            self.used.store(0, Relaxed);
            self.poll_began.store(now, Relaxed);
            return true;
        }
        let used = self.used.load(Relaxed) + now.saturating_sub(self.poll_began.load(Relaxed));
        used <= self.budget.load(Relaxed)
    }

    /// Runs a call, or what is left of it after [`Meter::begin`], under the watch of this meter.
    pub(super) async fn watch<F: Future>(&self, call: F) -> Result<F::Output, WaitedTooLong> {
        let mut call = pin!(call);
        let mut alarm: Option<std::pin::Pin<Box<Sleep>>> = None;
        poll_fn(|context| {
            self.poll_began.store(thread_cpu(), Relaxed);
            let polled = call.as_mut().poll(context);
            let spent = thread_cpu().saturating_sub(self.poll_began.load(Relaxed));
            self.used.fetch_add(spent, Relaxed);
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Ok(output));
            }
            let Some(deadline) = self.deadline() else { return Poll::Pending };
            let alarm = alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if alarm.deadline() != deadline {
                alarm.as_mut().reset(deadline);
            }
            alarm.as_mut().poll(context).map(|()| Err(WaitedTooLong))
        })
        .await
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline = self.deadline.load(Relaxed);
        // One that is too far off to be a point in time is none.
        self.origin.checked_add(Duration::from_nanos((deadline != NONE).then_some(deadline)?))
    }
}

/// The CPU time of this thread.
fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000) + u64::try_from(time.tv_nsec).unwrap_or(0)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(NONE - 1).min(NONE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(time: Duration) {
        let end = thread_cpu() + nanoseconds(time);
        while thread_cpu() < end {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn computing_counts_across_polls() {
        let meter = Meter::new(Span::Call, Duration::from_secs(1));
        meter.begin(Duration::from_millis(8));
        let call = async {
            compute(Duration::from_millis(5));
            let first = meter.may_go_on();
            tokio::task::yield_now().await;
            compute(Duration::from_millis(5));
            (first, meter.may_go_on())
        };
        assert_eq!(meter.watch(call).await, Ok((true, false)));
    }

    #[tokio::test]
    async fn waiting_is_not_computing() {
        let meter = Meter::new(Span::Call, Duration::from_secs(1));
        meter.begin(Duration::from_millis(5));
        let call = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            meter.may_go_on()
        };
        assert_eq!(meter.watch(call).await, Ok(true));
    }

    #[tokio::test]
    async fn a_slice_begins_anew_after_a_call_to_the_host() {
        for (span, expected) in [(Span::Slice, true), (Span::Call, false)] {
            let meter = Meter::new(span, Duration::from_secs(1));
            meter.begin(Duration::from_millis(5));
            let call = async {
                compute(Duration::from_millis(4));
                meter.inside();
                let first = meter.may_go_on();
                compute(Duration::from_millis(3));
                first && meter.may_go_on()
            };
            assert_eq!(meter.watch(call).await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn waiting_outside_has_a_deadline() {
        let meter = Meter::new(Span::Slice, Duration::from_millis(5));
        meter.begin(Duration::from_secs(1));
        let call = async {
            meter.outside();
            std::future::pending::<()>().await;
        };
        assert_eq!(meter.watch(call).await, Err(WaitedTooLong));
    }

    #[tokio::test]
    async fn waiting_inside_has_none() {
        let meter = Meter::new(Span::Slice, Duration::from_millis(5));
        meter.begin(Duration::from_secs(1));
        let call = async {
            meter.outside();
            meter.inside();
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        assert_eq!(meter.watch(call).await, Ok(()));
    }
}
