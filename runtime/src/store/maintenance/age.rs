//! Finds old rows from the oldest row on, in the order of row ids, which is the order of arrival.
//!
//! A row whose timestamp can't be read is as old as the next one that can be read, and stays while none follows: it may be
//! as young as the last row. The walk ends where a chunk holds nothing old. Gaps between ids cost nothing.

use std::time::Duration;

use super::log_table::{Dated, LogTable};
use super::removal::Removal;
use super::workbench::{Halt, Progress, Workbench};
use crate::domain::UnixMicros;

/// Rows in a row whose timestamps can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: i64,
    last: i64,
    count: u64,
}

/// A walk under way.
#[derive(Debug)]
struct Walk {
    /// The oldest row when it began.
    begin: i64,
    /// The next id to look at, if there may be one.
    next: Option<i64>,
    /// Rows whose age is not known yet.
    pending: Option<Run>,
    /// The run that the table begins with, if it stays.
    head: Option<Run>,
    unreadable: u64,
}

/// What a chunk of rows has come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// Runs that are old, of rows of this chunk and of earlier ones.
    old_runs: Vec<Run>,
    /// Old rows.
    old: Vec<i64>,
    /// The walk need not go on.
    is_last: bool,
}

/// Walks, pass by pass.
#[derive(Debug, Default)]
pub(super) struct AgeWalk {
    /// One that was cut off by its budget.
    walk: Option<Walk>,
    /// The run that the table begins with, so that it is not read again in each pass.
    head: Option<Run>,
    /// Rows that could not be read, in the latest walk that came to its end.
    unreadable: u64,
}

impl AgeWalk {
    /// Deletes rows that are older than `cutoff`.
    ///
    /// # Errors
    /// [`Halt`].
    pub(super) fn pass(
        &mut self,
        bench: &mut Workbench,
        table: &LogTable,
        removal: &mut Removal<'_>,
        cutoff: UnixMicros,
    ) -> Result<Progress, Halt> {
        let first = table.first(bench.reader())?;
        let begun = self.walk.take();
        let Some(mut walk) = begun.or_else(|| Some(Walk::begin(first?, self.head))) else {
            return Ok(Progress::Done);
        };
        loop {
            if bench.is_over() {
                self.walk = Some(walk);
                return Ok(Progress::More);
            }
            // Where nothing is deleted, nothing else would notice the stop.
            bench.pause(Duration::ZERO)?;
            let verdict = walk.judge(&walk.look(bench, table)?, cutoff);
            // The rows that tell the age of others go after them: else these would stay when the pass is cut off.
            for run in verdict.old_runs {
                remove_run(bench, table, removal, run)?;
            }
            removal.remove(bench, verdict.old)?;
            if verdict.is_last {
                self.head = walk.head;
                self.unreadable = walk.unreadable;
                return Ok(Progress::Done);
            }
        }
    }

    /// Rows that could not be read in the latest walk that came to its end.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable
    }
}

impl Walk {
    /// From the oldest row on; `head` is known to hold nothing that can be read.
    fn begin(first: i64, head: Option<Run>) -> Self {
        let head = head.filter(|run| (run.first..=run.last).contains(&first));
        Self {
            begin: first,
            next: head.map_or(Some(first), |run| run.last.checked_add(1)),
            pending: head.map(|run| Run { first, ..run }),
            head: None,
            unreadable: head.map_or(0, |run| run.count),
        }
    }

    fn look(&self, bench: &Workbench, table: &LogTable) -> rusqlite::Result<Vec<Dated>> {
        self.next.map_or_else(|| Ok(Vec::new()), |next| table.from(bench.reader(), next))
    }

    fn judge(&mut self, rows: &[Dated], cutoff: UnixMicros) -> Verdict {
        let mut verdict = Verdict::default();
        let mut has_young = false;
        for row in rows {
            let Some(time) = row.time else {
                self.defer(row.id);
                continue;
            };
            if time < cutoff {
                verdict.old_runs.extend(self.pending.take());
                verdict.old.push(row.id);
            } else {
                has_young = true;
                self.keep_pending();
            }
        }
        self.next = rows.last().and_then(|row| row.id.checked_add(1));
        verdict.is_last = rows.is_empty() || (has_young && verdict.old.is_empty());
        if verdict.is_last {
            self.keep_pending();
        }
        verdict
    }

    fn defer(&mut self, id: i64) {
        self.unreadable += 1;
        let run = self.pending.get_or_insert(Run { first: id, last: id, count: 0 });
        run.last = id;
        run.count += 1;
    }

    fn keep_pending(&mut self) {
        if let Some(run) = self.pending.take()
            && run.first == self.begin
        {
            self.head = Some(run);
        }
    }
}

/// Deletes rows that can't be read; rows that have come between them since are looked at by themselves.
fn remove_run(
    bench: &mut Workbench,
    table: &LogTable,
    removal: &mut Removal<'_>,
    run: Run,
) -> Result<(), Halt> {
    let mut next = Some(run.first);
    while let Some(from) = next.filter(|id| *id <= run.last) {
        let rows = table.from(bench.reader(), from)?;
        next = rows.last().and_then(|row| row.id.checked_add(1));
        let is_of_run = |row: &&Dated| row.id <= run.last && row.time.is_none();
        removal.remove(bench, rows.iter().filter(is_of_run).map(|row| row.id).collect())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: UnixMicros = UnixMicros(1000);

    /// Rows by their ids: `o` is old, `y` young, `?` can't be read, `.` is a gap.
    fn rows(from: i64, text: &str) -> Vec<Dated> {
        let time = |kind| match kind {
            'o' => Some(UnixMicros(999)),
            'y' => Some(UnixMicros(1000)),
            _ => None,
        };
        (from..)
            .zip(text.chars())
            .filter(|(_, kind)| *kind != '.')
            .map(|(id, kind)| Dated { id, time: time(kind) })
            .collect()
    }

    /// The ids that go, chunk by chunk from 1 on, and the walk behind them.
    fn walk(chunks: &[&str]) -> (Vec<i64>, Walk) {
        let mut walk = Walk::begin(1, None);
        let mut gone = Vec::new();
        let mut from = 1;
        for chunk in chunks {
            let verdict = walk.judge(&rows(from, chunk), CUTOFF);
            from += i64::try_from(chunk.len()).expect("a short text");
            gone.extend(verdict.old_runs.iter().flat_map(|run| run.first..=run.last));
            gone.extend(verdict.old);
            if verdict.is_last {
                break;
            }
        }
        gone.sort_unstable();
        (gone, walk)
    }

    #[test]
    fn old_rows_go_and_young_ones_between_them_stay() {
        assert_eq!(walk(&["ooyo", "yy", "oo"]).0, [1, 2, 4]);
        assert_eq!(walk(&["ooyo", "yo", "oy", ""]).0, [1, 2, 4, 6, 7]);
        assert_eq!(walk(&["o..oy"]).0, [1, 4]);
    }

    #[test]
    fn a_row_that_can_not_be_read_is_as_old_as_the_next_one() {
        assert_eq!(walk(&["??oy?y"]).0, [1, 2, 3]);
        assert_eq!(walk(&["o??", "???", "?o", "y"]).0, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(walk(&["o??", "?y", "y"]).0, [1]);
    }

    #[test]
    fn where_none_follows_it_stays() {
        assert_eq!(walk(&["oo??", "?", ""]).0, [1, 2]);
        assert_eq!(walk(&["?o", "???", ""]).0, [1, 2]);
        assert_eq!(walk(&["oy??", "?", ""]).0, [1]);
        assert_eq!(walk(&["???", "?", ""]).0, [0; 0]);
    }

    #[test]
    fn rows_that_can_not_be_read_at_the_begin_are_not_read_again() {
        let (gone, before) = walk(&["???", "??y"]);
        assert_eq!((gone, before.unreadable), (Vec::new(), 5));
        let head = before.head.expect("a run at the begin");

        let mut again = Walk::begin(1, Some(head));

        assert_eq!((again.next, again.unreadable), (Some(6), 5));
        let verdict = again.judge(&rows(6, "oy"), CUTOFF);
        assert_eq!(verdict.old_runs, [Run { first: 1, last: 5, count: 5 }]);
        assert_eq!(Walk::begin(7, Some(head)).next, Some(7), "the run is gone");
        assert_eq!(Walk::begin(-3, Some(head)).next, Some(-3), "there are older rows now");
    }

    #[test]
    fn the_largest_id_is_the_end() {
        let mut walk = Walk::begin(i64::MAX, None);
        walk.judge(&[Dated { id: i64::MAX, time: None }], CUTOFF);
        assert_eq!(walk.next, None);
    }
}
