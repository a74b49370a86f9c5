//! Passing rows that are done, without the writing lock.

use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;

use super::phase::Phase;
use super::{RecodeError, Recoder};

/// How long one look takes at most: the rows' snapshot is held so long.
const LONGEST: Duration = Duration::from_millis(50);
/// Rows between two looks at the clock.
const STRIDE: usize = 256;

impl Recoder<'_> {
    /// Moves to the row before the next one that the phase may have to change, or to the last row. False when there
    /// was no time to get there.
    pub(super) fn skip_done(&mut self, phase: Phase) -> Result<bool, RecodeError> {
        let begun = Instant::now();
        let sql = self.target.select_behind(phase.types());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([self.position])?;
        let mut seen: usize = 0;
        while let Some(row) = rows.next()? {
            if row.get_ref(1)? != ValueRef::Null {
                return Ok(true);
            }
            self.position = row.get(0)?;
            seen += 1;
            if seen.is_multiple_of(STRIDE) && begun.elapsed() >= LONGEST {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
