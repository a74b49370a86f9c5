//! One small transaction: some rows are changed, and at the last row the column's state.

use std::time::{Duration, Instant};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::column_state;
use super::phase::Phase;
use super::tally::{Tally, cell_bytes};
use super::{RecodeError, Recoder, Step};
use crate::store::dictionary::{Values, owned, to_cell, unescaped};
use crate::store::fault::is_row_fault;
use crate::store::row_ids::data_version;

/// Rows of the first transaction; how long it took says how many the next ones take.
pub(super) const FIRST_ROWS: usize = 100;
const FEWEST_ROWS: usize = 16;
const MOST_ROWS: usize = 20_000;
/// How long a transaction should take, and how long it may.
const AIM: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(20);
/// Bytes of cells that are held at once.
const MOST_BYTES: u64 = 4 << 20;

/// Rows that can't be changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Stuck {
    pub(super) rows: u64,
    /// The first one's id, and why.
    pub(super) first: Option<(i64, String)>,
}

/// Rows behind the position, in their order.
struct Rows {
    /// Those that may have to be changed, with their cells; none for text that is no UTF-8.
    cells: Vec<(i64, Option<Value>)>,
    /// How many there are.
    count: usize,
    /// The last one of all.
    last: i64,
    /// Whether there is none behind it.
    is_end: bool,
}

/// What becomes of a cell.
enum Fate {
    /// It is as it should be.
    Right,
    /// It should change, but the dictionary does not take the value.
    Left,
    /// The same, but as it is filters would not find it among ids.
    Escape(Value),
    Change(Value),
    /// It can't be changed, for this reason.
    Stuck(String),
}

/// Begins a transaction that has the writing lock.
pub(super) fn immediate(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)
}

impl Recoder<'_> {
    /// Changes the rows behind the position. At the last row the phase ends, within the same transaction.
    pub(super) fn batch(&mut self, phase: Phase) -> Result<Step, RecodeError> {
        let transaction = immediate(self.connection)?;
        let begun = Instant::now();
        if column_state::read(&transaction, &self.target.name)? != phase.during() {
            // Somebody else has changed the state; what is to be done follows from the new one.
            drop(transaction);
            self.enter_next_phase()?;
            return Ok(Step::Wrote(begun.elapsed()));
        }
        self.load_values(phase)?;
        let mut rows = self.read_rows(phase, begun)?;
        let mut tally = Tally::default();
        self.change(phase, &mut rows, (begun, &mut tally))?;
        if let Some(values) = &mut self.values {
            values.save(&transaction)?;
        }
        let is_complete = rows.is_end && self.stuck.rows == 0;
        if is_complete && self.tally.left + tally.left == 0 {
            column_state::save(&transaction, &self.target.name, phase.after())?;
        }
        transaction.commit()?;
        let took = begun.elapsed();
        self.position = rows.last;
        self.tally.add(phase, &tally);
        self.adapt(rows.count, took);
        if rows.is_end {
            self.end_phase(phase)?;
        }
        Ok(Step::Wrote(took))
    }

    /// The dictionary, anew when another process has written to the database.
    fn load_values(&mut self, phase: Phase) -> Result<(), RecodeError> {
        if phase != Phase::Encode {
            return Ok(());
        }
        let version = data_version(self.connection)?;
        if self.values.is_none() || version != self.data_version {
            self.values = Values::load(self.connection, &self.target.name, self.max_values)?;
            self.data_version = version;
        }
        Ok(())
    }

    /// Rows for one transaction: fewer where reading them takes as long as all of it should.
    fn read_rows(&self, phase: Phase, begun: Instant) -> Result<Rows, RecodeError> {
        let sql = self.target.select_behind(phase.types());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([self.position])?;
        let mut read = Rows { cells: Vec::new(), count: 0, last: self.position, is_end: false };
        let mut bytes = 0;
        while read.count < self.batch_rows && bytes < MOST_BYTES {
            let Some(row) = rows.next()? else {
                read.is_end = true;
                break;
            };
            read.last = row.get(0)?;
            read.count += 1;
            let cell = row.get_ref(1)?;
            if cell != ValueRef::Null {
                bytes += cell_bytes(cell);
                let is_valid = cell.as_str().is_ok() || !matches!(cell, ValueRef::Text(_));
                read.cells.push((read.last, is_valid.then(|| owned(cell))));
            }
            if begun.elapsed() >= AIM {
                break;
            }
        }
        Ok(read)
    }

    /// Changes the cells until the time is up; `rows` then end earlier.
    fn change(
        &mut self,
        phase: Phase,
        rows: &mut Rows,
        (begun, tally): (Instant, &mut Tally),
    ) -> Result<(), RecodeError> {
        let mut update = self.connection.prepare_cached(&self.target.update())?;
        for (count, (row_id, cell)) in (1..).zip(std::mem::take(&mut rows.cells)) {
            let Some(cell) = cell else {
                tally.left += 1;
                continue;
            };
            let fate = self.fate(phase, &cell)?;
            let is_left = matches!(fate, Fate::Left | Fate::Escape(_));
            tally.left += u64::from(is_left);
            let stuck = match fate {
                Fate::Right | Fate::Left => None,
                Fate::Stuck(cause) => Some(cause),
                Fate::Change(new) | Fate::Escape(new) => match update.execute((&new, row_id)) {
                    Ok(_) if is_left => None,
                    Ok(_) => {
                        tally.count(&cell, &new);
                        None
                    }
                    Err(error) if is_row_fault(&error) && !self.connection.is_autocommit() => {
                        Some(error.to_string())
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            if let Some(cause) = stuck {
                self.stuck.rows += 1;
                self.stuck.first.get_or_insert((row_id, cause));
            }
            if begun.elapsed() >= LONGEST {
                (rows.count, rows.last, rows.is_end) = (count, row_id, false);
                break;
            }
        }
        Ok(())
    }

    fn fate(&mut self, phase: Phase, cell: &Value) -> rusqlite::Result<Fate> {
        let stored = ValueRef::from(cell);
        Ok(match phase {
            Phase::Escape => Fate::Change(to_cell(stored)),
            Phase::Encode => {
                let value = unescaped(stored);
                let value = value.as_ref().map_or(stored, ValueRef::from);
                let Some(values) = &mut self.values else { return Ok(Fate::Left) };
                match values.id(self.connection, value)? {
                    Some(id) => Fate::Change(Value::Integer(id)),
                    None if matches!(cell, Value::Real(_)) => Fate::Escape(to_cell(stored)),
                    None => Fate::Left,
                }
            }
            Phase::Decode => {
                let Value::Integer(id) = cell else { return Ok(Fate::Right) };
                let value = self.lookup.value_of(self.connection, &self.target.name, *id)?;
                value.map_or_else(
                    || Fate::Stuck(format!("`column_dictionary` has no value for its id {id}")),
                    |value| Fate::Change(to_cell(value.into())),
                )
            }
            Phase::Unescape => unescaped(stored).map_or(Fate::Right, Fate::Change),
            Phase::Forget => Fate::Right,
        })
    }

    /// More rows when a transaction was quick, fewer when it took long.
    pub(super) fn adapt(&mut self, rows: usize, took: Duration) {
        let fitting =
            rows.max(FEWEST_ROWS) as f64 * AIM.as_secs_f64() / took.as_secs_f64().max(1e-5);
        let half_or_double = (self.batch_rows / 2).max(1)..=self.batch_rows.saturating_mul(2);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is clamped"
        )]
        let fitting = fitting as usize;
        let fitting = fitting.clamp(*half_or_double.start(), *half_or_double.end());
        self.batch_rows = fitting.clamp(FEWEST_ROWS, MOST_ROWS);
    }

    fn end_phase(&mut self, phase: Phase) -> Result<(), RecodeError> {
        if let Some((row_id, cause)) = self.stuck.first.take() {
            let way_out = match phase {
                Phase::Decode => {
                    "restore the table `column_dictionary` from a copy of the database"
                }
                _ => "change or delete those rows, or drop what refuses them",
            };
            let (column, rows) = (self.target.name.clone(), self.stuck.rows);
            self.stuck.rows = 0;
            return Err(RecodeError::Stuck { column, rows, row_id, cause, way_out });
        }
        match phase {
            // What a service does, whose configuration wants the opposite, has undone the end of the phase already
            // perhaps. To go by the state again would have no end.
            Phase::Encode => self.phase = None,
            Phase::Unescape => self.phase = Some(Phase::Forget),
            _ => self.enter_next_phase()?,
        }
        Ok(())
    }
}
