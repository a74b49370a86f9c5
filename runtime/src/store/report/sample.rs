//! Reads rows from all parts of the table: all of them when they are few, else blocks spread evenly by row id.

use rusqlite::{CachedStatement, Connection, params};

use super::compressed::compressed;
use super::tally::{Tally, TimeTally};
use super::{Depth, Step};
use crate::domain::{Schema, quote_identifier};

/// A table of up to so many rows is read whole.
const READ_WHOLE: u64 = 500_000;
/// Blocks that are read of a larger one. Values that lie together, such as those of one request, are seen as such.
const BLOCKS: i64 = 2000;
const BLOCK_ROWS: i64 = 100;
/// How many rows one statement reads of a table that is read whole.
const CHUNK_ROWS: i64 = 20_000;
/// Values that are told apart, of all columns together.
const MOST_VALUES: usize = 2_000_000;
/// More values of one column than this are too many for a dictionary in any case; a sample has fewer rows.
const MOST_VALUES_OF_COLUMN: usize = 1 << 18;

/// What was read of the table.
#[derive(Debug)]
pub(super) struct Sample {
    /// How many rows the table has.
    pub(super) rows: u64,
    pub(super) rows_read: u64,
    /// How many blocks of rows were read.
    pub(super) blocks: u64,
    /// By column.
    pub(super) tallies: Vec<Tally>,
    pub(super) times: TimeTally,
}

impl Sample {
    /// What a count of the rows that were read is in the whole table.
    pub(super) fn scaled(&self, count: u64) -> u64 {
        if self.is_whole() {
            return count;
        }
        let scaled = u128::from(count) * u128::from(self.rows) / u128::from(self.rows_read.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// Whether nothing is estimated. Rows may have come and gone meanwhile.
    pub(super) fn is_whole(&self) -> bool {
        self.blocks == 0
    }
}

/// Reads a table of so many rows.
pub(super) fn read(
    connection: &Connection,
    schema: &Schema,
    (rows, depth): (u64, Depth),
    progress: &mut dyn FnMut(Step),
) -> rusqlite::Result<Sample> {
    let mut walk = Walk::new(connection, schema, rows)?;
    let Some((first, last)) = row_ids(connection, schema)? else { return Ok(walk.sample) };
    if depth == Depth::Exact || rows <= READ_WHOLE {
        let mut next = Some(first);
        while let Some(from) = next.filter(|from| *from <= last) {
            next = walk.read_block((from, last, CHUNK_ROWS), 0)?;
            progress(Step::Rows(walk.sample.rows_read, rows));
        }
        return Ok(walk.sample);
    }
    let total = BLOCKS.saturating_mul(BLOCK_ROWS).cast_unsigned();
    let mut unread = first;
    for block in 0..BLOCKS {
        let span = i128::from(last) - i128::from(first);
        let start = i128::from(first) + span * i128::from(block) / i128::from(BLOCKS);
        let from = i64::try_from(start).unwrap_or(last).max(unread);
        walk.sample.blocks += 1;
        let Some(next) = walk.read_block((from, last, BLOCK_ROWS), walk.sample.blocks)? else {
            break;
        };
        unread = next;
        progress(Step::Rows(walk.sample.rows_read, total));
    }
    Ok(walk.sample)
}

/// The lowest and the highest one; none of an empty table.
fn row_ids(connection: &Connection, schema: &Schema) -> rusqlite::Result<Option<(i64, i64)>> {
    let (id, table) = (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
    let sql = format!("SELECT (SELECT min({id}) FROM {table}), (SELECT max({id}) FROM {table})");
    connection.query_row(&sql, [], |row| {
        let ends: (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
        Ok(ends.0.zip(ends.1))
    })
}

/// A statement and what it has found so far.
struct Walk<'a> {
    statement: CachedStatement<'a>,
    timestamp: usize,
    /// The column that is the row id takes nothing in the row, and has a value per row.
    row_id: Option<usize>,
    sample: Sample,
}

impl<'a> Walk<'a> {
    fn new(connection: &'a Connection, schema: &Schema, rows: u64) -> rusqlite::Result<Self> {
        let (id, table) =
            (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
        let names: Vec<_> = schema.names().into_iter().map(quote_identifier).collect();
        let names = names.join(", ");
        let sql = format!(
            "SELECT {id}, {names} FROM {table} WHERE {id} BETWEEN ?1 AND ?2 ORDER BY {id} LIMIT ?3"
        );
        let compressed = compressed(connection, schema)?;
        let room = (MOST_VALUES / schema.columns().len().max(1)).min(MOST_VALUES_OF_COLUMN);
        let of_column = |column| Tally::new(room, compressed.contains(&column));
        let tallies = schema.ids().map(of_column).collect();
        let sample = Sample { rows, rows_read: 0, blocks: 0, tallies, times: TimeTally::default() };
        let row_id = schema.row_id_column().map(|column| column.0);
        let statement = connection.prepare_cached(&sql)?;
        Ok(Self { statement, timestamp: schema.timestamp().0, row_id, sample })
    }

    /// Reads up to `limit` rows with ids in `from..=last`. Gives the id after the last one, none at the end.
    fn read_block(
        &mut self,
        (from, last, limit): (i64, i64, i64),
        block: u64,
    ) -> rusqlite::Result<Option<i64>> {
        let mut rows = self.statement.query(params![from, last, limit])?;
        let mut newest = None;
        while let Some(row) = rows.next()? {
            newest = Some(row.get::<_, i64>(0)?);
            self.sample.rows_read += 1;
            for (at, tally) in self.sample.tallies.iter_mut().enumerate() {
                let value = row.get_ref(at + 1)?;
                if self.row_id != Some(at) {
                    tally.add(value, block);
                }
                if at == self.timestamp {
                    self.sample.times.add(value);
                }
            }
        }
        Ok(newest.and_then(|id| id.checked_add(1)))
    }
}
