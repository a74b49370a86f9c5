//! How far an import is: a bar on a terminal, else a line of the log every few seconds.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use crate::app::import::{ImportInput, Progress};

const REDRAW: Duration = Duration::from_millis(200);
const LOG: Duration = Duration::from_secs(5);

/// Shows how far it is until it is ended.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    task: JoinHandle<()>,
}

impl Display {
    pub(super) fn start(inputs: &[ImportInput], progress: &Arc<Progress>) -> Self {
        // Known only if that of each is.
        let total: Option<u64> = inputs.iter().map(ImportInput::byte_len).sum();
        let bar = stderr().is_terminal().then(|| bar(total));
        let task = tokio::spawn(show(bar.clone(), total, Arc::clone(progress)));
        Self { bar, task }
    }

    /// Lets something else be written; the bar makes room for it.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(super) fn end(self) {
        self.task.abort();
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = match total {
        Some(_) => "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {msg}, ends in {eta}",
        None => "{spinner} {bytes}, {bytes_per_sec}, {msg}",
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.expect("the template is one of the two above"))
}

async fn show(bar: Option<ProgressBar>, total: Option<u64>, progress: Arc<Progress>) {
    let begun = Instant::now();
    let mut ticks = interval(if bar.is_some() { REDRAW } else { LOG });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (bytes, lines) = (progress.bytes(), progress.lines());
        let rate = rate(lines, begun.elapsed());
        match &bar {
            Some(bar) => {
                bar.set_position(bytes);
                bar.set_message(format!("{} lines/s", HumanCount(rate)));
            }
            None => {
                let read = HumanBytes(bytes);
                let of = total.map(|total| format!(" of {}", HumanBytes(total)));
                let of = of.unwrap_or_default();
                info!(lines, lines_per_second = rate, "read {read}{of}");
            }
        }
    }
}

/// How many per second.
pub(super) fn rate(count: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    u64::try_from(u128::from(count) * 1000 / millis).unwrap_or(u64::MAX)
}
