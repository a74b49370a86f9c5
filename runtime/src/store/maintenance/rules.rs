//! `retention`: rows that match a filter go once they have the rule's age.
//!
//! Each rule looks at every row once, and again when a [`Calendar`] says so. Of rows that match and whose timestamp can't be
//! read, each is as old as the next match of the same look that can, or else as the next row that can. Where none
//! follows it is new: never as old as one before it, as it may be younger.

use std::time::{Duration, Instant};

use super::calendar::{Calendar, Span};
use super::log_table::{Dated, LogTable, time_of};
use super::removal::Removal;
use super::workbench::{Halt, Progress, Workbench};
use crate::domain::{RowId, Schema, UnixMicros};
use crate::store::StoreError;
use crate::store::retention_filters::AgedFilter;
use crate::store::row_ids::newest_in_table;
use crate::store::scan::{Chunk, Scan};

/// After a look the thread rests as long as it took, but no longer than this: the first ones go through the whole table.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// The rules of the configuration.
#[derive(Debug)]
pub(super) struct Rules {
    schema: Schema,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    scan: Scan,
    max_age_micros: i64,
    calendar: Calendar,
}

/// How far a look came.
struct Looked {
    /// The last id.
    reached: RowId,
    /// Rows that it has deleted.
    deleted: u64,
}

/// What the matches of a look have come to.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Rows to delete.
    old: Vec<i64>,
    /// The oldest time of the others.
    oldest_left: Option<UnixMicros>,
}

impl Rules {
    pub(super) fn new(schema: &Schema, filters: Vec<AgedFilter>) -> Self {
        let rules = filters.into_iter().map(|filter| Rule {
            scan: Scan::new(filter.filters),
            max_age_micros: i64::try_from(filter.max_age.as_micros()).unwrap_or(i64::MAX),
            calendar: Calendar::new(),
        });
        Self { schema: schema.clone(), rules: rules.collect() }
    }

    /// The least age at which a row is deleted by a rule, in microseconds.
    pub(super) fn least_age_micros(&self) -> Option<i64> {
        self.rules.iter().map(|rule| rule.max_age_micros).min()
    }

    /// Deletes what is old by the rules, each of which has the same share of `budget`.
    ///
    /// # Errors
    /// [`Halt`].
    pub(super) fn pass(
        &mut self,
        bench: &mut Workbench,
        table: &LogTable,
        removal: &mut Removal<'_>,
        (now, budget): (UnixMicros, Duration),
    ) -> Result<Progress, Halt> {
        let mut progress = Progress::Done;
        let share = budget / u32::try_from(self.rules.len().max(1)).unwrap_or(u32::MAX);
        for rule in &mut self.rules {
            bench.begin(share);
            let cutoff = UnixMicros(now.0.saturating_sub(rule.max_age_micros));
            let place = Place { schema: &self.schema, table, cutoff, now };
            progress = progress.and(rule.pass(bench, &place, removal)?);
        }
        Ok(progress)
    }
}

/// What a rule is applied to.
struct Place<'p> {
    schema: &'p Schema,
    table: &'p LogTable,
    /// Older rows go.
    cutoff: UnixMicros,
    now: UnixMicros,
}

impl Rule {
    fn pass(
        &mut self,
        bench: &mut Workbench,
        place: &Place<'_>,
        removal: &mut Removal<'_>,
    ) -> Result<Progress, Halt> {
        let mut from = RowId(i64::MIN);
        while let Some(span) = self.calendar.due(from, place.cutoff) {
            let looked = self.look(bench, place, span, removal)?;
            let Some(next) = looked.reached.0.checked_add(1) else { break };
            from = RowId(next);
            if bench.is_over() {
                return Ok(Progress::More);
            }
        }
        let newest = newest_in_table(bench.reader(), place.schema)?;
        let mut deleted = 0;
        while let (Some(first), Some(last)) = (self.calendar.unseen(), newest) {
            if first > last {
                break;
            }
            let looked =
                self.look(bench, place, Span { first, last, oldest: place.now }, removal)?;
            self.calendar.see(looked.reached);
            deleted += looked.deleted;
            if bench.is_over() {
                // A table in which there is nothing to delete can wait for the next pass.
                return Ok(if deleted > 0 { Progress::More } else { Progress::Done });
            }
        }
        Ok(Progress::Done)
    }

    /// Looks at the begin of the span, deletes what is old in it, and returns how far it came.
    fn look(
        &mut self,
        bench: &mut Workbench,
        place: &Place<'_>,
        span: Span,
        removal: &mut Removal<'_>,
    ) -> Result<Looked, Halt> {
        let begun = Instant::now();
        let chunk = self.scan.look(bench.reader(), place.schema, (span.first, span.last));
        let Some(chunk) = chunk.map_err(sqlite)? else {
            self.calendar.remove(span.first);
            return Ok(Looked { reached: span.last, deleted: 0 });
        };
        let verdict = judge(&dated(bench, place, &chunk)?, place.cutoff);
        bench.pause(begun.elapsed().min(LONGEST_REST))?;
        // Until they are deleted, the span is due.
        let old = verdict.old.len() as u64;
        let deleted = removal.remove(bench, verdict.old)?;
        // What a foreign key or a trigger has kept is tried again once it has the rule's age a second time.
        let kept = (deleted < old).then_some(place.now);
        self.calendar.remove(span.first);
        let is_known = self.calendar.unseen().is_none_or(|unseen| span.last < unseen);
        if let Some(rest) = chunk.last.0.checked_add(1).map(RowId).filter(|rest| *rest <= span.last)
            && is_known
        {
            self.calendar.insert(Span { first: rest, ..span });
        }
        if let Some(oldest) = verdict.oldest_left.into_iter().chain(kept).min() {
            self.calendar.insert(Span {
                first: span.first.max(chunk.first),
                last: chunk.last,
                oldest,
            });
        }
        Ok(Looked { reached: chunk.last, deleted })
    }
}

/// The matches with their times, of which the last one has one in any case.
fn dated(bench: &Workbench, place: &Place<'_>, chunk: &Chunk) -> Result<Vec<Dated>, Halt> {
    let mut rows: Vec<_> = chunk
        .matches
        .iter()
        .map(|found| Dated { id: found.id.0, time: time_of((&found.timestamp).into()) })
        .collect();
    let Some(last) = rows.last().filter(|last| last.time.is_none()) else { return Ok(rows) };
    let after = place.table.from(bench.reader(), last.id)?;
    let time = after.iter().find_map(|row| row.time).unwrap_or(place.now);
    if let Some(last) = rows.last_mut() {
        last.time = Some(time);
    }
    Ok(rows)
}

/// `rows` by rising id, the last one with a time.
fn judge(rows: &[Dated], cutoff: UnixMicros) -> Verdict {
    let mut verdict = Verdict { old: Vec::new(), oldest_left: None };
    let mut next = None;
    for row in rows.iter().rev() {
        next = row.time.or(next);
        match next {
            Some(time) if time < cutoff => verdict.old.push(row.id),
            Some(time) => {
                let oldest = verdict.oldest_left.map_or(time, |oldest| oldest.min(time));
                verdict.oldest_left = Some(oldest);
            }
            None => {}
        }
    }
    verdict.old.reverse();
    verdict
}

fn sqlite(error: StoreError) -> Halt {
    match error {
        StoreError::Sqlite(cause) => Halt::Failed(cause),
        other => Halt::Failed(rusqlite::Error::ToSqlConversionFailure(Box::new(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(times: &[Option<i64>]) -> Vec<Dated> {
        let dated = |(id, time): (i64, &Option<i64>)| Dated { id, time: time.map(UnixMicros) };
        (1..).zip(times).map(dated).collect()
    }

    fn judged(times: &[Option<i64>]) -> (Vec<i64>, Option<i64>) {
        let verdict = judge(&rows(times), UnixMicros(100));
        (verdict.old, verdict.oldest_left.map(|time| time.0))
    }

    #[test]
    fn old_rows_go_in_any_order() {
        assert_eq!(judged(&[Some(1), Some(100), Some(99), Some(300)]), (vec![1, 3], Some(100)));
        assert_eq!(judged(&[Some(1)]), (vec![1], None));
        assert_eq!(judged(&[]), (vec![], None));
    }

    #[test]
    fn what_can_not_be_read_is_as_old_as_the_next_match() {
        assert_eq!(judged(&[None, None, Some(1), None, Some(200)]), (vec![1, 2, 3], Some(200)));
    }
}
