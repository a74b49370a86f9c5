//! What recoding did, and what it would do.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params};

use super::RecodeError;
use super::column_state::{self, ColumnCells};
use super::phase::Phase;
use super::target::Target;
use crate::domain::Schema;
use crate::store::dictionary::unescaped;

/// Rows that a sample looks at, in so many places.
const SAMPLE_ROWS: i64 = 100_000;
const SAMPLE_PLACES: i64 = 500;
/// What an entry of the dictionary takes beside its value, which its index holds once more.
const ENTRY_BYTES: u64 = 40;

/// What was done to a column's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows whose value became an id, or whose id became a value.
    pub rows: u64,
    /// Rows whose value stays, as the dictionary takes no more values, none so long, or no text that is not UTF-8.
    pub left: u64,
    /// Texts that look like a number, which a column of numbers can't hold as text.
    pub numeric_texts: u64,
    /// Bytes of the cells that were changed, before and after; values as a plain column holds them.
    pub bytes_before: u64,
    /// After.
    pub bytes_after: u64,
    /// Indexes that hold the column's cells once more.
    pub indexes: u64,
}

/// What a column takes up, and would take up compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSize {
    /// Rows of the table.
    pub rows: u64,
    /// Rows that were looked at.
    pub sampled: u64,
    /// Different values, estimated from the sample.
    pub values: u64,
    /// Whether the dictionary would not take all of them.
    pub is_too_many: bool,
    /// Bytes of the column in the table and its indexes.
    pub bytes_now: u64,
    /// The same, compressed, with the dictionary.
    pub bytes_then: u64,
}

impl Tally {
    pub(super) fn new(
        connection: &Connection,
        schema: &Schema,
        target: &Target,
    ) -> rusqlite::Result<Self> {
        let indexes = count_indexes(connection, schema.table(), &target.name)?;
        Ok(Self { indexes, ..Self::default() })
    }

    /// One cell was changed.
    pub(super) fn count(&mut self, old: &Value, new: &Value) {
        self.rows += 1;
        self.bytes_before += plain_bytes(old);
        self.bytes_after += plain_bytes(new);
        self.numeric_texts += u64::from(matches!(new, Value::Text(_)));
    }

    /// Adds what a batch has done.
    pub(super) fn add(&mut self, phase: Phase, batch: &Self) {
        match phase {
            Phase::Encode | Phase::Decode => {
                self.rows += batch.rows;
                self.bytes_before += batch.bytes_before;
                self.bytes_after += batch.bytes_after;
            }
            Phase::Unescape => self.numeric_texts += batch.numeric_texts,
            Phase::Escape | Phase::Forget => {}
        }
        self.left += batch.left;
    }
}

/// How many bytes a cell takes in its row (<https://sqlite.org/fileformat2.html#record_format>).
pub(super) fn cell_bytes(cell: ValueRef<'_>) -> u64 {
    match cell {
        ValueRef::Null => 0,
        ValueRef::Integer(integer) => integer_bytes(integer),
        ValueRef::Real(_) => 8,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
    }
}

/// The same for the value that a cell stands for, as a plain column would hold it.
fn plain_bytes(cell: &Value) -> u64 {
    let value = unescaped(cell.into());
    cell_bytes(value.as_ref().unwrap_or(cell).into())
}

fn integer_bytes(integer: i64) -> u64 {
    match integer {
        0 | 1 => 0,
        _ if i8::try_from(integer).is_ok() => 1,
        _ if i16::try_from(integer).is_ok() => 2,
        _ if (-0x80_0000..0x80_0000).contains(&integer) => 3,
        _ if i32::try_from(integer).is_ok() => 4,
        _ if (-0x8000_0000_0000..0x8000_0000_0000).contains(&integer) => 6,
        _ => 8,
    }
}

fn count_indexes(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT count(DISTINCT list.name) FROM pragma_index_list(?1, 'main') AS list,
        pragma_index_info(list.name, 'main') AS part WHERE part.name = ?2";
    let count: i64 = connection.query_row(sql, params![table, column], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// What was seen of a column's values.
#[derive(Debug, Default)]
struct Sample {
    seen: i64,
    /// How often each value was met, by its hash.
    counts: HashMap<u64, u64>,
    hasher: RandomState,
    cells: u64,
    bytes: u64,
}

/// Looks at rows all over the table.
pub(super) fn estimate(
    connection: &Connection,
    target: &Target,
    max_values: u64,
) -> Result<ColumnSize, RecodeError> {
    let cells = column_state::read(connection, &target.name)?;
    let ids = matches!(cells, ColumnCells::Mixed | ColumnCells::Ids);
    let rows: i64 = connection.query_row(&target.count_rows(), [], |row| row.get(0))?;
    let ends = target.ends(connection)?;
    let mut sample = Sample::default();
    if let Some((first, last)) = ends {
        let places = if rows <= SAMPLE_ROWS { 1 } else { SAMPLE_PLACES };
        let stride = (last.saturating_sub(first) / places).max(1);
        let mut behind = first.saturating_sub(1);
        for place in 0..places {
            behind = behind.max(first.saturating_sub(1).saturating_add(place * stride));
            behind = sample.look(connection, target, (behind, SAMPLE_ROWS / places, ids))?;
        }
    }
    let copies = 1 + count_indexes(connection, &target.table, &target.name)?;
    Ok(sample.size(rows, copies, max_values))
}

impl Sample {
    /// Looks at so many rows behind a row id. Returns the last one.
    fn look(
        &mut self,
        connection: &Connection,
        target: &Target,
        (behind, limit, ids): (i64, i64, bool),
    ) -> rusqlite::Result<i64> {
        let types =
            if ids { "'real', 'text', 'blob'" } else { "'integer', 'real', 'text', 'blob'" };
        let sql = format!("{} LIMIT ?2", target.select_behind(types));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([behind, limit])?;
        let mut last = behind;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            self.seen += 1;
            let cell = row.get_ref(1)?;
            if cell == ValueRef::Null {
                continue;
            }
            self.cells += 1;
            self.bytes += cell_bytes(cell);
            let value = unescaped(cell);
            let value = value.as_ref().map_or(cell, ValueRef::from);
            *self.counts.entry(self.hasher.hash_one(key(value))).or_default() += 1;
        }
        Ok(last)
    }

    fn size(&self, rows: i64, copies: u64, max_values: u64) -> ColumnSize {
        let rows = rows.unsigned_abs();
        let factor = rows as f64 / (self.seen.max(1) as f64);
        // The estimator of Charikar et al. (GEE): of the values met once, there are many more.
        let once = self.counts.values().filter(|count| **count == 1).count() as f64;
        let values = factor.max(1.0).sqrt() * once + (self.counts.len() as f64 - once);
        let of_cells = self.bytes as f64 / (self.cells.max(1) as f64);
        let cells = self.cells as f64 * factor;
        let taken = (max_values as f64 / values.max(1.0)).min(1.0);
        let id_bytes = integer_bytes(values.min(max_values as f64) as i64) as f64;
        let then = cells * (taken * id_bytes + (1.0 - taken) * of_cells) * copies as f64;
        let entries = values.min(max_values as f64) * (2.0 * of_cells + ENTRY_BYTES as f64);
        ColumnSize {
            rows,
            sampled: self.seen.unsigned_abs(),
            values: values as u64,
            is_too_many: taken < 1.0,
            bytes_now: (cells * of_cells * copies as f64) as u64,
            bytes_then: (then + entries) as u64,
        }
    }
}

/// What tells values apart.
fn key(value: ValueRef<'_>) -> (u8, u64, &[u8]) {
    match value {
        ValueRef::Null => (0, 0, &[]),
        ValueRef::Integer(integer) => (1, integer.cast_unsigned(), &[]),
        ValueRef::Real(real) => (2, real.to_bits(), &[]),
        ValueRef::Text(text) => (3, 0, text),
        ValueRef::Blob(bytes) => (4, 0, bytes),
    }
}
