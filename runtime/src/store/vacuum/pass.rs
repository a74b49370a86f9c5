//! One pass over the free pages of a file with `auto_vacuum: INCREMENTAL`: so many of them, a few at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{AutoVacuum, Pages};
use crate::metrics::Metrics;
use crate::store::checkpoint::with_room;
use crate::store::writer::WriterHealth;

/// How long a step should hold up the batches behind it: it returns no further pages after this time.
const MOMENT: Duration = Duration::from_millis(3);
/// Pages of the first step, and the fewest and the most of one.
const FIRST_PAGES: u32 = 16;
const FEWEST_PAGES: u32 = 1;
const MOST_PAGES: u32 = 2048;

/// Returns free pages, pass by pass.
#[derive(Debug)]
pub(in crate::store) struct Vacuum {
    health: Arc<WriterHealth>,
    metrics: Metrics,
    /// What a pass returns at most.
    most_bytes: u64,
    /// What the steps so far suggest for the next one.
    pages_at_once: u32,
}

/// What one transaction has returned.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Step {
    returned: u64,
    left: Pages,
    mode: AutoVacuum,
    took: Duration,
}

impl Vacuum {
    pub(in crate::store) fn new(
        health: &Arc<WriterHealth>,
        metrics: &Metrics,
        most_bytes: u64,
    ) -> Self {
        let (health, metrics) = (Arc::clone(health), metrics.clone());
        Self { health, metrics, most_bytes, pages_at_once: FIRST_PAGES }
    }

    /// Returns free pages up to the limit of a pass, and says how many bytes that were. `step` has [`Step::run`] run on the
    /// connection that writes, for as many pages as it is told, and waits as long as leaves room for others.
    ///
    /// # Errors
    /// That of `step`; what was returned before stays so.
    pub(in crate::store) fn pass<E>(
        &mut self,
        mut step: impl FnMut(u32) -> Result<Step, E>,
    ) -> Result<u64, E> {
        if self.health.log_is_held.load(Ordering::Relaxed) {
            // Neither file would get shorter, and the log longer.
            return Ok(0);
        }
        let (mut returned, mut page_bytes) = (0, 1);
        let outcome = loop {
            let room = self.most_bytes.saturating_sub(returned) / page_bytes;
            let pages = self.pages_at_once.min(u32::try_from(room).unwrap_or(u32::MAX));
            if pages == 0 {
                break Ok(());
            }
            let done = match step(pages) {
                Ok(done) => done,
                Err(error) => break Err(error),
            };
            page_bytes = done.left.bytes_each;
            returned += done.returned * page_bytes;
            self.count(done);
            if done.is_last() {
                break Ok(());
            }
            self.pages_at_once = adapted(self.pages_at_once, done.took);
        };
        if returned > 0 {
            // The file gets shorter when the log is copied into it to the end.
            self.health.shrink_files.store(true, Ordering::Relaxed);
        }
        outcome.map(|()| returned)
    }

    fn count(&self, done: Step) {
        self.metrics.vacuum_bytes.inc_by(done.returned * done.left.bytes_each);
        let free = i64::try_from(done.left.free_bytes()).unwrap_or(i64::MAX);
        self.metrics.free_bytes.set(free);
    }
}

impl Step {
    /// Returns up to so many free pages in a transaction, if the file's mode leaves that to us.
    pub(in crate::store) fn run(connection: &Connection, pages: u32) -> rusqlite::Result<Self> {
        let begun = Instant::now();
        let mode = AutoVacuum::of(connection)?;
        let before = Pages::of(connection)?;
        if mode == AutoVacuum::Incremental && before.free > 0 {
            with_room(connection, || return_pages(connection, pages, MOMENT))?;
        }
        let left = Pages::of(connection)?;
        let returned = before.all.saturating_sub(left.all);
        Ok(Self { returned, left, mode, took: begun.elapsed() })
    }

    fn is_last(&self) -> bool {
        self.mode != AutoVacuum::Incremental || self.left.free == 0 || self.returned == 0
    }
}

/// Returns up to this many free pages in one transaction, at least one and then none any more after this time.
pub(super) fn return_pages(
    connection: &Connection,
    pages: u32,
    longest: Duration,
) -> rusqlite::Result<()> {
    let begun = Instant::now();
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let enough = Pages::count(connection)?.saturating_sub(pages.into());
    let mut rows = statement.query([])?;
    // Each step returns a page, and with it now and then one that has told where other pages are.
    while rows.next()?.is_some() && begun.elapsed() < longest && Pages::count(connection)? > enough
    {
    }
    drop(rows);
    transaction.commit()
}

/// How many pages the next step should return after one of `pages` took so long.
fn adapted(pages: u32, took: Duration) -> u32 {
    let next = if took > MOMENT * 2 {
        pages / 4
    } else if took > MOMENT {
        pages / 2
    } else if took < MOMENT / 2 {
        pages * 2
    } else {
        pages
    };
    next.clamp(FEWEST_PAGES, MOST_PAGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_get_as_large_as_a_moment_allows() {
        let (short, right, long) =
            (Duration::from_millis(1), Duration::from_millis(2), Duration::from_millis(20));
        assert_eq!([short, right, long].map(|took| adapted(100, took)), [200, 100, 25]);
        assert_eq!(adapted(FEWEST_PAGES, long), FEWEST_PAGES);
        assert_eq!(adapted(MOST_PAGES, short), MOST_PAGES);
    }
}
