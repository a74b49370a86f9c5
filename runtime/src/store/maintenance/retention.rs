//! Which rows go: those past their age, then, if the database is still too large, the oldest.

use std::time::Duration;

use tracing::warn;

use super::age::AgeWalk;
use super::clock::{DoubtedClock, Reading};
use super::late;
use super::log_table::LogTable;
use super::removal::Remover;
use super::rules::Rules;
use super::size::SizeBound;
use super::workbench::{Halt, Progress, Workbench};
use crate::config::Config;
use crate::domain::{Schema, UnixMicros};
use crate::metrics::RetentionMetrics;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The steps of retention.
#[derive(Debug)]
pub(super) struct Retention {
    table: LogTable,
    remover: Remover,
    max_age_micros: i64,
    clock: DoubtedClock,
    walk: AgeWalk,
    rules: Rules,
    size: SizeBound,
    metrics: RetentionMetrics,
    told_of_unreadable: bool,
}

impl Retention {
    pub(super) fn new(
        schema: &Schema,
        config: &Config,
        rules: Rules,
        metrics: RetentionMetrics,
    ) -> Self {
        let table = LogTable::new(schema);
        let max_days = i64::try_from(config.retention.vacuum_max_days).unwrap_or(i64::MAX);
        Self {
            remover: Remover::new(&table, config.tasks.vacuum_delete_batch_size),
            table,
            max_age_micros: max_days.saturating_mul(MICROS_PER_DAY),
            clock: DoubtedClock::default(),
            walk: AgeWalk::default(),
            rules,
            size: SizeBound::new(&config.retention),
            metrics,
            told_of_unreadable: false,
        }
    }

    /// Deletes what is due, each step within `budget`.
    ///
    /// # Errors
    /// [`Halt`]; the steps behind the one that failed were not taken.
    pub(super) fn pass(
        &mut self,
        bench: &mut Workbench,
        budget: Duration,
    ) -> Result<Progress, Halt> {
        bench.begin(budget);
        let aged = match self.trusted_now(bench)? {
            Some(now) => {
                let aged = self.delete_old(bench, now)?;
                aged.and(self.apply_rules(bench, (now, budget))?)
            }
            None => Progress::Done,
        };
        bench.begin(budget);
        let by_size = self.metrics.by_size.clone();
        let counted = move |rows| {
            by_size.inc_by(rows);
        };
        let mut removal = self.remover.counting(&counted);
        let sized = self.size.pass(bench, &self.table, &mut removal)?;
        Ok(aged.and(sized))
    }

    fn delete_old(&mut self, bench: &mut Workbench, now: UnixMicros) -> Result<Progress, Halt> {
        let cutoff = self.cutoff(now);
        let by_age = self.metrics.by_age.clone();
        let counted = move |rows| {
            by_age.inc_by(rows);
        };
        let mut removal = self.remover.counting(&counted);
        let walked = self.walk.pass(bench, &self.table, &mut removal, cutoff)?;
        let late = late::pass(bench, &self.table, &mut removal, cutoff)?;
        self.tell_of_unreadable();
        Ok(walked.and(late))
    }

    fn apply_rules(
        &mut self,
        bench: &mut Workbench,
        (now, budget): (UnixMicros, Duration),
    ) -> Result<Progress, Halt> {
        let by_rule = self.metrics.by_rule.clone();
        let counted = move |rows| {
            by_rule.inc_by(rows);
        };
        let mut removal = self.remover.counting(&counted);
        self.rules.pass(bench, &self.table, &mut removal, (now, budget))
    }

    /// What time it is, unless that is in doubt.
    fn trusted_now(&mut self, bench: &Workbench) -> Result<Option<UnixMicros>, Halt> {
        let now = Reading::now();
        let newest = self.table.newest(bench.reader(), now.wall)?;
        let all_is_old = newest.map(|time| time < self.doubtful(now.wall));
        if self.clock.believe(now, all_is_old) {
            return Ok(Some(now.wall));
        }
        if self.clock.has_just_begun_to_doubt(now) {
            warn!(
                all_is_old = all_is_old == Some(true),
                "the clock may be wrong: it jumped ahead, or even the newest rows are older than `vacuum_max_days` or a \
                 rule of `retention` allows; nothing is deleted for its age within the next hour; check the clock"
            );
        }
        Ok(None)
    }

    /// When even the newest row is older, the clock may be wrong: by it all that a rule finds would go.
    fn doubtful(&self, now: UnixMicros) -> UnixMicros {
        let least = self.rules.least_age_micros().unwrap_or(i64::MAX).max(MICROS_PER_DAY);
        UnixMicros(now.0.saturating_sub(self.max_age_micros.min(least)))
    }

    fn cutoff(&self, now: UnixMicros) -> UnixMicros {
        UnixMicros(now.0.saturating_sub(self.max_age_micros))
    }

    fn tell_of_unreadable(&mut self) {
        let rows = self.walk.unreadable();
        self.metrics.unreadable.set(i64::try_from(rows).unwrap_or(i64::MAX));
        if rows > 0 && !std::mem::replace(&mut self.told_of_unreadable, true) {
            warn!(
                rows,
                "the timestamps of old rows can't be read; each goes with the next row whose timestamp can"
            );
        }
    }
}
