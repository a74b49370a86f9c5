//! What compression of a column saves, or would save.

use rusqlite::Connection;

use super::column::Distinct;
use super::compressed::{Entries, entry_bytes};
use super::sample::Sample;
use super::size::integer_bytes;
use super::tally::Tally;
use crate::domain::{ColumnId, Schema};

/// A hint is given for this much, and for this part of what the database takes.
const WORTH_BYTES: u64 = 256 << 10;
const WORTH_PART: u64 = 100;

/// Whether the saving is worth the effort in a database that takes so much.
pub(super) fn is_worth(saving: u64, used_bytes: u64) -> bool {
    saving >= WORTH_BYTES && saving.saturating_mul(WORTH_PART) >= used_bytes
}

/// What compressing the column would save once its pages are packed again; ids are given by how frequent values are.
pub(super) fn expected(
    sample: &Sample,
    tally: &Tally,
    (column, distinct): (&str, Distinct),
    copies: u64,
) -> u64 {
    let mut counts: Vec<_> = tally.seen.values().map(|seen| seen.rows).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let ids: u64 = (1_i64..).zip(counts).map(|(id, rows)| rows * id_bytes(id)).sum();
    let in_rows = sample.scaled(tally.bytes.saturating_sub(ids)).saturating_mul(copies);
    let entries: u64 = tally.seen.values().map(|seen| entry_bytes(column, seen.bytes)).sum();
    let average = entries / (tally.seen.len() as u64).max(1);
    in_rows.saturating_sub(average.saturating_mul(distinct.count))
}

/// What the compressed column takes less than it would otherwise; less than nothing when its values are many or short.
pub(super) fn actual(sample: &Sample, tally: &Tally, entries: &Entries, copies: u64) -> i64 {
    let saved = |(id, seen): (&u64, &super::tally::Seen)| {
        let bytes = entries.row_bytes.get(id)?;
        Some(seen.rows * bytes.saturating_sub(id_bytes(id.cast_signed())))
    };
    let in_rows: u64 = tally.seen.iter().filter_map(saved).sum();
    let in_rows = sample.scaled(in_rows).saturating_mul(copies);
    in_rows.cast_signed() - entries.bytes.cast_signed()
}

fn id_bytes(id: i64) -> u64 {
    1 + integer_bytes(id)
}

/// How many times each value of the column is stored: in the table, and in each index of all rows.
pub(super) fn copies(
    connection: &Connection,
    schema: &Schema,
    column: ColumnId,
) -> rusqlite::Result<u64> {
    let sql = "SELECT count(DISTINCT list.name)
        FROM pragma_index_list(?1, 'main') AS list, pragma_index_xinfo(list.name, 'main') AS part
        WHERE list.partial = 0 AND part.key = 1 AND part.cid = ?2";
    let at = i64::try_from(column.0).unwrap_or(-1);
    let indexes: i64 = connection
        .prepare_cached(sql)?
        .query_row(rusqlite::params![schema.table(), at], |row| row.get(0))?;
    Ok(indexes.cast_unsigned() + 1)
}
