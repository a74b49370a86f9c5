//! The way to the writer: jobs of packed rows, bounded by the bytes they hold.
//!
//! A reservation is taken before a job is queued and given back after its commit, so the bound covers
//! everything between acceptance and acknowledgement.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::chore::{Chore, Outcome};
use super::{Delivery, WriteError};
use crate::domain::{ByteSize, Receipt};
use crate::metrics::Metrics;

/// How long the writer leaves it to the async threads to finish with what has arrived before it takes what is there.
const ARRIVAL_PATIENCE: Duration = Duration::from_millis(5);

/// With this many jobs the writer starts at once: more in one transaction would gain less than working side by side
/// with the async threads.
const EAGER_JOBS: usize = 48;

/// Rows of one source on their way, and who waits to hear of their fate.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) delivery: Arc<Delivery>,
    pub(super) purpose: Purpose,
    reply: oneshot::Sender<Result<Receipt, WriteError>>,
    reservation: Reservation,
}

/// Why a job is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To store what it delivers.
    Store,
    /// To find out whether the writer can write again.
    Probe,
}

/// Room in the queue, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    permit: OwnedSemaphorePermit,
    metrics: Metrics,
}

/// Where a job's receipt arrives after its commit.
pub type PendingReceipt = oneshot::Receiver<Result<Receipt, WriteError>>;

/// The queue of the writer.
#[derive(Debug)]
pub struct WriteQueue {
    capacity: u32,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    metrics: Metrics,
    /// The async threads of the one who made the queue: requests run there.
    home: Option<Id>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrival: Condvar,
    /// A task is about to wake the writer.
    wake_is_due: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// What is done between two batches, one after each.
    chores: VecDeque<Chore>,
    /// The newest thing taken was a batch.
    chore_is_next: bool,
    closed: bool,
}

/// What the writer has to do next.
pub(super) enum Work {
    /// The jobs that were moved into its list.
    Jobs,
    /// Something else on its connection.
    Chore(Chore),
}

impl WriteQueue {
    /// A queue that holds at most `capacity` bytes of rows. What is pushed by tasks of the runtime that it is made in is
    /// gathered for a moment.
    #[must_use]
    pub fn new(capacity: ByteSize, metrics: Metrics) -> Self {
        let capacity = u32::try_from(capacity.0).unwrap_or(u32::MAX);
        Self {
            capacity,
            room: Arc::new(Semaphore::new(capacity as usize)),
            shared: Arc::default(),
            metrics,
            home: Handle::try_current().ok().map(|runtime| runtime.id()),
        }
    }

    /// Takes room for `bytes` at once, or nothing. What is larger than the whole queue takes all of it.
    #[must_use]
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.capacity);
        let permit = Arc::clone(&self.room).try_acquire_many_owned(wanted).ok()?;
        self.metrics.queue_bytes.inc_by(i64::from(wanted));
        Some(Reservation { permit, metrics: self.metrics.clone() })
    }

    /// Waits for room for `bytes`, behind those who wait already. What is larger than the whole queue takes all of it.
    pub async fn reserve(&self, bytes: usize) -> Reservation {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.capacity);
        let room = Arc::clone(&self.room).acquire_many_owned(wanted).await;
        let permit = room.expect("the semaphore is never closed");
        self.metrics.queue_bytes.inc_by(i64::from(wanted));
        Reservation { permit, metrics: self.metrics.clone() }
    }

    /// Queues a delivery. The receipt arrives after its commit. Who may have to try again keeps a share of it.
    ///
    /// # Errors
    /// [`WriteError::Stopping`] when the queue is closed.
    pub fn push(
        &self,
        delivery: impl Into<Arc<Delivery>>,
        reservation: Reservation,
    ) -> Result<PendingReceipt, WriteError> {
        self.enqueue(delivery.into(), reservation, Purpose::Store)
    }

    /// Queues work on the writing connection, done between two batches; see [`Chore`]. The outcome can be waited for with
    /// `await` or, from a thread, with `blocking_recv`; it does not come when the store is closed before.
    ///
    /// # Errors
    /// [`WriteError::Stopping`] when the queue is closed.
    pub(crate) fn push_chore<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Outcome<T>, WriteError> {
        let (chore, outcome) = Chore::new(work);
        let mut state = self.shared.lock();
        if state.closed {
            return Err(WriteError::Stopping);
        }
        state.chores.push_back(chore);
        drop(state);
        self.shared.arrival.notify_one();
        Ok(outcome)
    }

    /// Queues a try whether the writer can write again. The receipt is empty.
    ///
    /// # Errors
    /// [`WriteError::Stopping`] when the queue is closed.
    pub(super) fn push_probe(
        &self,
        reservation: Reservation,
    ) -> Result<PendingReceipt, WriteError> {
        self.enqueue(Arc::default(), reservation, Purpose::Probe)
    }

    fn enqueue(
        &self,
        delivery: Arc<Delivery>,
        reservation: Reservation,
        purpose: Purpose,
    ) -> Result<PendingReceipt, WriteError> {
        let (reply, receipt) = oneshot::channel();
        let mut state = self.shared.lock();
        if state.closed {
            return Err(WriteError::Stopping);
        }
        state.jobs.push_back(Job { delivery, purpose, reply, reservation });
        let waiting = state.jobs.len();
        drop(state);
        if waiting == EAGER_JOBS {
            self.shared.arrival.notify_one();
        } else if waiting < EAGER_JOBS {
            self.wake_writer_soon();
        }
        Ok(receipt)
    }

    /// Wakes the writer once the tasks that are ready now have run: requests that arrived together are then
    /// committed together, which halves the commits under load. Nothing waits for further requests to arrive.
    ///
    /// Others wake it at once: on threads where plugins compute, that task could come late, and requests with it.
    fn wake_writer_soon(&self) {
        let runtime = Handle::try_current().ok().filter(|runtime| Some(runtime.id()) == self.home);
        let Some(runtime) = runtime else {
            self.shared.arrival.notify_one();
            return;
        };
        if self.shared.wake_is_due.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        runtime.spawn(async move {
            tokio::task::yield_now().await;
            shared.wake_is_due.store(false, Ordering::Release);
            // Under the lock, so that the writer is not between its look at the queue and its wait.
            let _state = shared.lock();
            shared.arrival.notify_one();
        });
    }

    /// Refuses further jobs. The writer takes what is queued and ends.
    pub fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.chores.clear();
        drop(state);
        self.shared.arrival.notify_all();
    }

    /// Refuses further jobs and drops those that wait: their sources hear that nothing more is written.
    pub(super) fn abandon(&self) {
        self.close();
        self.shared.lock().jobs.clear();
    }

    /// Waits for work: jobs, of which up to `max_rows` rows' and letters' worth (at least one job) move into `jobs`, or,
    /// after a batch or when there are no jobs, a chore. None when the queue is closed and empty.
    pub(super) fn take(&self, max_rows: usize, jobs: &mut Vec<Job>) -> Option<Work> {
        let mut state = self.shared.lock();
        loop {
            if state.closed && state.jobs.is_empty() {
                return None;
            }
            if state.chore_is_next || state.jobs.is_empty() {
                state.chore_is_next = false;
                if let Some(chore) = state.chores.pop_front() {
                    return Some(Work::Chore(chore));
                }
            }
            let arriving =
                state.jobs.len() < EAGER_JOBS && self.shared.wake_is_due.load(Ordering::Acquire);
            if state.closed || (!state.jobs.is_empty() && !arriving) {
                break;
            }
            let patience = if state.jobs.is_empty() { Duration::MAX } else { ARRIVAL_PATIENCE };
            let (woken, timeout) = self
                .shared
                .arrival
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && !state.jobs.is_empty() {
                break;
            }
        }
        let mut rows = 0;
        while let Some(job) = state.jobs.front() {
            rows += job.delivery.len().max(1);
            if rows > max_rows && !jobs.is_empty() {
                break;
            }
            jobs.extend(state.jobs.pop_front());
        }
        state.chore_is_next = true;
        Some(Work::Jobs)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Tells the source. A source that has gone away has nobody to tell.
    pub(super) fn answer(self, outcome: Result<Receipt, WriteError>) {
        drop(self.reservation);
        drop(self.reply.send(outcome));
    }
}

impl Reservation {
    /// Splits off room for `bytes`; what is left stays here.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Self {
        let part = bytes.min(self.permit.num_permits());
        let permit = self.permit.split(part).expect("the part is no larger than the whole");
        Self { permit, metrics: self.metrics.clone() }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let bytes = i64::try_from(self.permit.num_permits()).unwrap_or(i64::MAX);
        self.metrics.queue_bytes.dec_by(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(capacity: u64) -> WriteQueue {
        WriteQueue::new(ByteSize(capacity), Metrics::default())
    }

    #[test]
    fn a_full_queue_gives_no_room_until_some_is_returned() {
        let queue = queue(100);
        let first = queue.try_reserve(80);
        assert!(queue.try_reserve(30).is_none());

        drop(first);

        assert!(queue.try_reserve(30).is_some());
    }

    #[test]
    fn what_is_larger_than_the_queue_fits_an_empty_one() {
        assert!(queue(100).try_reserve(1_000).is_some());
    }

    #[test]
    fn a_job_of_other_threads_is_taken_however_busy_these_are() {
        let home = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let others = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let queue = home.block_on(async { queue(100) });
        let room = queue.try_reserve(1).expect("room");

        // No task of theirs runs any more.
        let _theirs = others.enter();
        let receipt = queue.push(Delivery::default(), room);

        assert!(receipt.is_ok() && !queue.shared.wake_is_due.load(Ordering::Acquire));
    }

    #[test]
    fn a_chore_comes_after_a_batch_or_when_there_is_none() {
        let queue = queue(100);
        for _ in 0..2 {
            let room = queue.try_reserve(1).expect("room");
            drop(queue.push(Delivery::default(), room));
        }
        let _outcomes = [(); 2].map(|()| queue.push_chore(|_| Ok(())));

        let is_chore = |work: Option<Work>| matches!(work, Some(Work::Chore(_)));
        let mut jobs = Vec::new();
        let order: Vec<_> = (0..4).map(|_| is_chore(queue.take(1, &mut jobs))).collect();

        assert_eq!(order, [false, true, false, true]);
    }

    #[test]
    fn a_closed_queue_refuses_and_gives_out_what_it_holds() {
        let queue = queue(100);
        let reservation = queue.try_reserve(1).expect("room");
        drop(queue.push(Delivery::default(), reservation));
        queue.close();
        let late = queue.try_reserve(1).expect("room");
        assert!(matches!(queue.push(Delivery::default(), late), Err(WriteError::Stopping)));

        let mut jobs = Vec::new();

        assert!(queue.take(10, &mut jobs).is_some());
        assert_eq!(jobs.len(), 1);
        assert!(queue.take(10, &mut jobs).is_none());
    }
}
