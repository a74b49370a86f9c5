//! A program that logs: appends to a file at a steady pace until it is told to stop, and rotates by the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::log_file::LogFile;

/// Between two writes.
const TICK: Duration = Duration::from_millis(10);
/// Lines of one write when the writer has fallen behind its pace.
const MOST_AT_ONCE: u64 = 1_000;

/// How fast lines are written and how often the file is rotated.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Lines per second.
    pub lines: u64,
    /// Between two rotations.
    pub rotation: Duration,
}

/// Appends lines on a thread of its own.
#[derive(Debug)]
pub struct LogWriter {
    stop: SyncSender<()>,
    thread: JoinHandle<LogFile>,
    rotations: Arc<AtomicU64>,
}

impl LogWriter {
    /// Writes at this pace; `rotate` does what this program does to rotate its file. Most writes end within a line.
    #[must_use]
    pub fn start(
        mut file: LogFile,
        pace: Pace,
        mut rotate: impl FnMut(&mut LogFile) + Send + 'static,
    ) -> Self {
        let (stop, stopped) = sync_channel::<()>(1);
        let rotations = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&rotations);
        let thread = std::thread::spawn(move || {
            let (begun, lines_before) = (Instant::now(), file.lines());
            // The channel is the clock: nothing comes through it, and its end is the signal to stop.
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let elapsed = begun.elapsed();
                let due =
                    pace.lines * u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX) / 1000;
                let behind = (lines_before + due).saturating_sub(file.lines());
                if behind > 0 {
                    file.append_torn(behind.min(MOST_AT_ONCE));
                }
                let rotated = counted.load(Ordering::Relaxed);
                if elapsed.as_secs_f64() >= pace.rotation.as_secs_f64() * (rotated + 1) as f64 {
                    rotate(&mut file);
                    counted.store(rotated + 1, Ordering::Relaxed);
                }
            }
            file.complete();
            file
        });
        Self { stop, thread, rotations }
    }

    /// How often it has rotated.
    #[must_use]
    pub fn rotations(&self) -> u64 {
        self.rotations.load(Ordering::Relaxed)
    }

    /// Stops it, with its last line whole, and gives the file back.
    ///
    /// # Panics
    /// When the writing failed.
    #[must_use]
    pub fn stop(self) -> LogFile {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
