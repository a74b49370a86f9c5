//! What is being read, on a terminal, while one waits.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar};

use crate::store::report::Step;

const REDRAW: Duration = Duration::from_millis(100);

/// A line that is gone at the end.
#[derive(Debug, Default)]
pub(super) struct Display {
    line: Option<ProgressBar>,
}

impl Display {
    pub(super) fn show(&mut self, step: Step) {
        if !stderr().is_terminal() {
            return;
        }
        let line = self.line.get_or_insert_with(|| {
            let line = ProgressBar::new_spinner();
            line.enable_steady_tick(REDRAW);
            line
        });
        let (done, total, what) = match step {
            Step::Rows(done, total) => (done, total, "rows"),
            Step::Pages(done, total) => (done, total, "pages"),
        };
        line.set_message(format!("{} of {} {what}", HumanCount(done), HumanCount(total)));
    }

    pub(super) fn end(self) {
        self.line.iter().for_each(ProgressBar::finish_and_clear);
    }
}
