//! The sampler: a thread that looks each interval at what was counted and measured, and lets the writer note it.
//!
//! An interval in which nothing happened is noted with the next one in which something does, so that an idle service
//! leaves the disk alone; only the first one after some work is noted at once. The last interval is noted at the stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};
use tracing::{error, info, warn};

use super::clock::{Moment, written};
use super::database::Place;
use super::row_count::{Known, RowCounter};
use super::sample::{Extent, Interval, Open};
use super::{ACTIVITY, DATABASE};
use crate::metrics::{Metrics, Spreads, Totals};
use crate::store::WriteQueue;

/// Between two interrupts of a count that keeps the service from stopping.
const INTERRUPT_EVERY: Duration = Duration::from_millis(10);

/// What the sampler needs to start.
pub(in crate::store) struct SamplerParts {
    pub(in crate::store) queue: Arc<WriteQueue>,
    pub(in crate::store) metrics: Metrics,
    /// Counts rows.
    pub(in crate::store) reader: Connection,
    /// The log table's quoted name.
    pub(in crate::store) table: String,
    /// How long counting them may take.
    pub(in crate::store) query_timeout: Duration,
    /// The database file.
    pub(in crate::store) path: PathBuf,
    pub(in crate::store) interval: Duration,
    pub(in crate::store) retention: Duration,
}

/// The sampler's thread.
pub(in crate::store) struct RunningSampler {
    thread: JoinHandle<()>,
    stop: mpsc::Sender<()>,
    /// Closes at the thread's end.
    ended: mpsc::Receiver<()>,
    count: InterruptHandle,
}

struct Sampler {
    rows: RowCounter,
    pass: Pass,
    queue: Arc<WriteQueue>,
    is_failing: bool,
}

/// What the writer needs to note an interval.
#[derive(Debug, Clone)]
struct Pass {
    metrics: Metrics,
    place: Place,
    retention: Duration,
    /// The begin of what is not noted yet.
    begun: Mark,
    /// Nothing has happened until then.
    idle_until: Option<Mark>,
    /// Measured since then, and taken already.
    spreads: Spreads,
    noted: Option<Noted>,
    known: Option<Known>,
    occasion: Occasion,
}

/// What was counted until a moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    moment: Moment,
    totals: Totals,
}

/// What the newest note says, as far as a change of it is worth a further one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Noted {
    is_idle: bool,
    sessions: i64,
    rows: Option<u64>,
    pages: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    Due,
    Stop,
}

/// How a pass went.
#[derive(Debug)]
struct Attempt {
    end: Mark,
    /// All that was measured, for the next one if this one failed.
    spreads: Spreads,
    /// None when there was nothing worth a note.
    noted: rusqlite::Result<Option<Noted>>,
}

impl RunningSampler {
    pub(in crate::store) fn start(parts: SamplerParts) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let count = parts.reader.get_interrupt_handle();
        let interval = parts.interval;
        let mut sampler = Sampler::new(parts);
        let thread = std::thread::Builder::new().name("sampler".into()).spawn(move || {
            let _end: mpsc::Sender<()> = end;
            sampler.run(interval, &stopped);
        })?;
        Ok(Self { thread, stop, ended, count })
    }

    /// Notes the last interval. Blocks until done.
    pub(in crate::store) fn stop(self) {
        drop(self.stop);
        while self.ended.recv_timeout(INTERRUPT_EVERY) == Err(RecvTimeoutError::Timeout) {
            self.count.interrupt();
        }
        if self.thread.join().is_err() {
            error!("the sampler of statistics ended in a panic");
        }
    }
}

impl std::fmt::Debug for RunningSampler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RunningSampler").finish_non_exhaustive()
    }
}

impl Sampler {
    fn new(parts: SamplerParts) -> Self {
        // What the start itself has counted belongs to the first interval.
        let begun = Mark { moment: Moment::now(), totals: Totals::default() };
        let pass = Pass {
            metrics: parts.metrics,
            place: Place(parts.path),
            retention: parts.retention,
            begun,
            idle_until: None,
            spreads: Spreads::default(),
            noted: None,
            known: None,
            occasion: Occasion::Due,
        };
        let rows = RowCounter::new(parts.reader, &parts.table, parts.query_timeout);
        Self { rows, pass, queue: parts.queue, is_failing: false }
    }

    fn run(&mut self, interval: Duration, stopped: &mpsc::Receiver<()>) {
        self.pass.known = self.rows.look(&self.queue, &self.pass.metrics);
        let mut due = self.pass.begun.moment.steady() + interval;
        while stopped.recv_timeout(due.saturating_duration_since(Instant::now()))
            == Err(RecvTimeoutError::Timeout)
        {
            self.pass.known = self.rows.look(&self.queue, &self.pass.metrics);
            self.note();
            due = (due + interval).max(Instant::now());
        }
        self.pass.occasion = Occasion::Stop;
        self.note();
    }

    fn note(&mut self) {
        let pass = self.pass.clone();
        let outcome = self.queue.push_chore(move |writer| Ok(pass.run(writer)));
        // Else the store is closed.
        let Some(Ok(attempt)) = outcome.ok().and_then(|outcome| outcome.blocking_recv().ok())
        else {
            return;
        };
        match attempt.noted {
            Ok(noted) => {
                self.pass.go_on(attempt.end, noted);
                if std::mem::take(&mut self.is_failing) {
                    info!("statistics are noted again");
                }
            }
            Err(error) => {
                self.pass.spreads = attempt.spreads;
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(%error, "statistics not noted; the next interval is told with this one");
                }
            }
        }
    }
}

impl Pass {
    /// On the writer's thread, between two batches: what is counted is what is stored.
    fn run(mut self, writer: &Connection) -> Attempt {
        self.spreads.add(&self.metrics.take_spreads());
        let end = Mark { moment: Moment::now(), totals: self.metrics.totals() };
        let noted = self.note(writer, &end);
        Attempt { end, spreads: self.spreads, noted }
    }

    fn note(&self, writer: &Connection, end: &Mark) -> rusqlite::Result<Option<Noted>> {
        let last = self.idle_until.as_ref().unwrap_or(&self.begun);
        let (sessions, connections) =
            (self.metrics.sse_subscribers.get(), self.metrics.connections.get());
        let open = Open { sessions, connections };
        let sizes = self.place.sizes(writer)?;
        let rows = self.known.map(|known| known.rows(&end.totals));
        let is_idle = self.spreads.is_empty() && end.totals.since(&last.totals).is_idle();
        let noted = Noted { is_idle, sessions, rows, pages: sizes.pages };
        if is_idle && self.noted == Some(noted) && self.occasion == Occasion::Due {
            return Ok(None);
        }
        let idle =
            self.idle_until.map(|until| self.begun.interval(&until, Spreads::default(), open));
        let busy = last.interval(end, self.spreads, open);
        let letters = self.metrics.dead_letters_kept.get();
        let extent = Extent { at: busy.until, rows, sizes, letters };
        let before = written(end.moment.ago(self.retention));
        writer.execute_batch("BEGIN IMMEDIATE")?;
        ACTIVITY.create(writer)?;
        DATABASE.create(writer)?;
        for interval in idle.iter().chain([&busy]) {
            ACTIVITY.insert(writer, &interval.values())?;
        }
        DATABASE.insert(writer, &extent.values())?;
        let pruned = ACTIVITY.prune(writer, &before)? + DATABASE.prune(writer, &before)?;
        writer.execute_batch("COMMIT")?;
        busy.log(pruned);
        Ok(Some(noted))
    }

    /// What comes next begins at this mark.
    fn go_on(&mut self, end: Mark, noted: Option<Noted>) {
        self.spreads = Spreads::default();
        if noted.is_some() {
            (self.begun, self.idle_until, self.noted) = (end, None, noted);
        } else {
            self.idle_until = Some(end);
        }
    }
}

impl Mark {
    fn interval(&self, end: &Self, spreads: Spreads, open: Open) -> Interval {
        let (since, until) = self.moment.until(&end.moment);
        Interval { since, until, counts: end.totals.since(&self.totals), spreads, open }
    }
}
