//! How far work in batches is: a bar on a terminal, else a line of the log every few seconds; and numbers of rows.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use tracing::info;

const LOG: Duration = Duration::from_secs(5);

/// Shows how many of the rows are done.
#[derive(Debug)]
pub(super) struct RowProgress {
    what: &'static str,
    bar: Option<ProgressBar>,
    total: u64,
    logged: Instant,
}

impl RowProgress {
    /// `what` is done to the rows, such as `compressed`.
    pub(super) fn start(what: &'static str, total: u64) -> Self {
        let style = "{bar:30} {human_pos}/{human_len} rows {msg}, {per_sec}, ends in {eta}";
        let style = ProgressStyle::with_template(style).expect("the template above is valid");
        let is_terminal = stderr().is_terminal();
        let bar = is_terminal.then(|| ProgressBar::new(total).with_style(style).with_message(what));
        Self { what, bar, total, logged: Instant::now() }
    }

    /// This many rows are done.
    pub(super) fn set(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.logged.elapsed() >= LOG {
            self.logged = Instant::now();
            info!("{} {} of {} rows", self.what, HumanCount(done), HumanCount(self.total));
        }
    }

    /// Clears the bar.
    pub(super) fn end(self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

/// `1,234 rows`.
pub(super) fn rows(count: u64) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { "row" } else { "rows" })
}
