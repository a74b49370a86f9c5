//! Deletes the oldest rows of a database that has become too large.
//!
//! What counts are the pages in use, of all tables. Only rows of the log table are deleted: when other tables alone are
//! larger than the size to come down to, none would be enough, so none goes; nor while it isn't known how large they are.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::warn;

use super::log_table::LogTable;
use super::removal::Removal;
use super::workbench::{Halt, Progress, Workbench};
use crate::config::RetentionConfig;
use crate::domain::ByteSize;

/// Rows that go before the size is measured again.
const STEP_ROWS: usize = 256;
/// How long the pages of other tables are counted at first. A count that is not done by then is made again by the next pass,
/// twice as long.
const FIRST_COUNT: Duration = Duration::from_secs(2);
/// But no longer than this: it holds a snapshot.
const LONGEST_COUNT: Duration = Duration::from_secs(64);
/// After a count by which no row goes, the next one waits so many times as long as it took.
const REST: u32 = 30;
const USED_PAGES: &str = "SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
const OTHERS: &str = "SELECT name FROM sqlite_master
    WHERE rootpage > 0 AND tbl_name <> ?1 COLLATE NOCASE UNION ALL SELECT 'sqlite_schema'";
const PAGES: &str = "SELECT pgsize FROM dbstat WHERE name = ?1";

/// The bound, and what is being done about it.
#[derive(Debug)]
pub(super) struct SizeBound {
    max: ByteSize,
    target: ByteSize,
    /// Rows are being deleted until the target is reached.
    is_shrinking: bool,
    /// All rows that could be deleted were, and it was not enough.
    is_exhausted: bool,
    /// How long the other tables may be counted.
    longest_count: Duration,
    /// When they may be counted again.
    next_count: Option<Instant>,
    told: bool,
}

impl SizeBound {
    pub(super) fn new(config: &RetentionConfig) -> Self {
        Self {
            max: config.vacuum_max_size,
            target: config.vacuum_target_size,
            is_shrinking: false,
            is_exhausted: false,
            longest_count: FIRST_COUNT,
            next_count: None,
            told: false,
        }
    }

    /// Deletes the oldest rows when the database is too large.
    ///
    /// # Errors
    /// [`Halt`].
    pub(super) fn pass(
        &mut self,
        bench: &mut Workbench,
        table: &LogTable,
        removal: &mut Removal<'_>,
    ) -> Result<Progress, Halt> {
        let used = used_bytes(bench.reader())?;
        if used <= self.max.0 && !self.is_shrinking {
            self.told = false;
            self.is_exhausted = false;
            return Ok(Progress::Done);
        }
        if !self.is_shrinking && !self.may_shrink(bench.reader(), &table.name)? {
            return Ok(Progress::Done);
        }
        self.is_shrinking = true;
        let progress = self.shrink(bench, table, removal)?;
        self.is_shrinking = progress == Progress::More;
        Ok(progress)
    }

    /// Whether the log table's rows are what makes the database too large.
    fn may_shrink(&mut self, reader: &Connection, table: &str) -> rusqlite::Result<bool> {
        let begun = Instant::now();
        if self.is_exhausted || self.next_count.is_some_and(|next| begun < next) {
            return Ok(false);
        }
        let others_fill = others_fill(reader, table, self.target, self.longest_count)?;
        if others_fill == Some(false) {
            return Ok(true);
        }
        if others_fill.is_none() && self.longest_count < LONGEST_COUNT {
            self.longest_count *= 2;
            return Ok(false);
        }
        self.next_count = Some(Instant::now() + begun.elapsed() * REST);
        self.tell(if others_fill.is_some() {
            "other tables alone are larger than `vacuum_target_size`, so no rows are deleted for it; raise it, \
             or delete from the other tables"
        } else {
            "it takes too long to count how large other tables are, so no rows are deleted for \
             `vacuum_target_size`; move these tables to another file, or delete from them"
        });
        Ok(false)
    }

    fn shrink(
        &mut self,
        bench: &mut Workbench,
        table: &LogTable,
        removal: &mut Removal<'_>,
    ) -> Result<Progress, Halt> {
        let mut next = table.first(bench.reader())?;
        while let Some(from) = next {
            let rows = table.from(bench.reader(), from)?;
            next = rows.last().and_then(|row| row.id.checked_add(1));
            for step in rows.chunks(STEP_ROWS) {
                if used_bytes(bench.reader())? <= self.target.0 {
                    return Ok(Progress::Done);
                }
                if bench.is_over() {
                    return Ok(Progress::More);
                }
                removal.remove(bench, step.iter().map(|row| row.id).collect())?;
            }
        }
        if used_bytes(bench.reader())? > self.target.0 {
            self.is_exhausted = true;
            self.tell("the database is larger than `vacuum_target_size` without any row that could be deleted; no more \
                       rows are deleted for it until the database is smaller than `vacuum_max_size`");
        }
        Ok(Progress::Done)
    }

    /// Once, until the size is right again.
    fn tell(&mut self, what: &str) {
        if !std::mem::replace(&mut self.told, true) {
            warn!(max = %self.max, target = %self.target, "{what}");
        }
    }
}

/// The bytes of pages that hold something.
fn used_bytes(reader: &Connection) -> rusqlite::Result<u64> {
    let used: i64 = reader.prepare_cached(USED_PAGES)?.query_row([], |row| row.get(0))?;
    Ok(used.unsigned_abs())
}

/// Whether what is not of the log table or its indexes takes up more than this; none when it takes longer to tell.
fn others_fill(
    reader: &Connection,
    table: &str,
    size: ByteSize,
    longest: Duration,
) -> rusqlite::Result<Option<bool>> {
    let begun = Instant::now();
    let names: Vec<String> = reader
        .prepare_cached(OTHERS)?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut pages = reader.prepare_cached(PAGES)?;
    let mut bytes = 0;
    for name in names {
        let mut rows = pages.query([name])?;
        while let Some(row) = rows.next()? {
            bytes += row.get::<_, i64>(0)?.unsigned_abs();
            if bytes > size.0 {
                return Ok(Some(true));
            }
            if begun.elapsed() > longest {
                return Ok(None);
            }
        }
    }
    Ok(Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "CREATE TABLE Log (message TEXT);
        CREATE INDEX by_message ON Log (message);
        INSERT INTO Log VALUES (zeroblob(2000000));
        CREATE TABLE Theirs (bytes BLOB);
        INSERT INTO Theirs VALUES (zeroblob(1000000))";

    fn bound() -> (SizeBound, Connection) {
        let reader = Connection::open_in_memory().expect("memory");
        reader.execute_batch(TABLES).expect("made");
        let config = RetentionConfig {
            vacuum_max_size: ByteSize(2_000_000),
            vacuum_target_size: ByteSize(1_500_000),
            ..RetentionConfig::default()
        };
        (SizeBound::new(&config), reader)
    }

    #[test]
    fn only_other_tables_count() {
        let (_, reader) = bound();
        let fill = |size| {
            others_fill(&reader, "log", ByteSize(size), FIRST_COUNT).expect("the pages are counted")
        };
        assert_eq!(fill(900_000), Some(true));
        assert_eq!(fill(1_100_000), Some(false));
    }

    #[test]
    fn no_row_goes_while_other_tables_are_not_counted_and_the_next_count_is_longer() {
        let (mut bound, reader) = bound();
        bound.longest_count = Duration::from_nanos(1);

        assert!(!bound.may_shrink(&reader, "Log").expect("tried"));

        assert_eq!(bound.longest_count, Duration::from_nanos(2));
        bound.longest_count = LONGEST_COUNT;
        assert!(bound.may_shrink(&reader, "Log").expect("counted"));
    }

    #[test]
    fn a_count_that_leads_to_nothing_is_not_made_again_at_once() {
        let (mut bound, reader) = bound();
        bound.target = ByteSize(900_000);
        assert!(!bound.may_shrink(&reader, "Log").expect("counted"));
        assert!(bound.next_count.is_some());

        bound.target = ByteSize(1_500_000);
        bound.next_count = Some(Instant::now() + LONGEST_COUNT);
        assert!(!bound.may_shrink(&reader, "Log").expect("tried"));
    }

    #[test]
    fn once_all_rows_are_gone_in_vain_it_does_not_begin_again() {
        let (mut bound, reader) = bound();
        bound.is_exhausted = true;
        assert!(!bound.may_shrink(&reader, "Log").expect("tried"));
    }
}
