//! What takes how much of the file.
//!
//! The pages of a table or an index can only be counted by reading them. In bounded time those of the smaller ones are;
//! what is left is shared among the larger ones by what their rows take. If there is one of these, as the log table
//! mostly is, that is exact, too.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::objects::{Object, ObjectKind, list};
use super::sample::Sample;
use super::{Depth, Step, number};
use crate::domain::Schema;
use crate::store::checkpoint::{file_bytes, wal_path};

/// How much of a table or an index is read to learn how large it is.
const READ_BYTES: u64 = 128 << 20;
/// Pages between two looks at the clock by who shows the progress.
const PROGRESS_PAGES: u64 = 256;

/// What takes how much of the file, in bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Space {
    /// The database, its write-ahead log aside.
    pub database_bytes: u64,
    /// Of these, pages that are in use.
    pub used_bytes: u64,
    /// Of these, pages that wait for new rows or for a vacuum.
    pub free_bytes: u64,
    /// The write-ahead log's file.
    pub wal_bytes: u64,
    /// Tables and indexes, the largest first.
    pub objects: Vec<ObjectSize>,
}

/// What a table or an index takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectSize {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub kind: ObjectKind,
    /// Its pages.
    pub bytes: u64,
    /// Whether that is estimated.
    pub estimated: bool,
}

/// What the file as a whole takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    bytes: u64,
    count: u64,
    free: u64,
    /// Those that say where others belong, for the sake of vacuums.
    maps: u64,
}

impl Pages {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| number(connection, sql);
        let (bytes, count) = (number("PRAGMA page_size")?, number("PRAGMA page_count")?);
        let free = number("PRAGMA freelist_count")?;
        let has_maps = number("PRAGMA auto_vacuum")? > 0;
        // https://sqlite.org/fileformat2.html#pointer_map_or_ptrmap_pages
        let maps = if has_maps { count.saturating_sub(1).div_ceil(bytes / 5 + 1) } else { 0 };
        Ok(Self { bytes, count, free, maps })
    }

    pub(super) fn used_bytes(self) -> u64 {
        self.count.saturating_sub(self.free) * self.bytes
    }
}

/// Measures what is in the file. `table` is the log table with what was read of it.
pub(super) fn read(
    connection: &Connection,
    path: &Path,
    table: (&Schema, &Sample),
    depth: Depth,
    progress: &mut dyn FnMut(Step),
) -> rusqlite::Result<Space> {
    let pages = Pages::read(connection)?;
    let most = if depth == Depth::Exact { u64::MAX } else { READ_BYTES / pages.bytes };
    let mut sizes = Vec::new();
    let mut large = Vec::new();
    let mut known = pages.maps;
    for object in list(connection, table.0)? {
        let mut shown = |count| progress(Step::Pages(known + count, pages.count - pages.free));
        match count_pages(connection, &object.name, most, &mut shown)? {
            Some(count) => {
                known += count;
                sizes.push(size(object, count * pages.bytes, false));
            }
            None => large.push(object),
        }
    }
    let left = (pages.count - pages.free).saturating_sub(known) * pages.bytes;
    sizes.extend(share(connection, table, large, left)?);
    sizes.sort_by(|a, b| (a.kind, b.bytes).cmp(&(b.kind, a.bytes)));
    Ok(Space {
        database_bytes: pages.count * pages.bytes,
        used_bytes: pages.used_bytes(),
        free_bytes: pages.free * pages.bytes,
        wal_bytes: file_bytes(&wal_path(path)),
        objects: sizes,
    })
}

fn size(object: Object, bytes: u64, estimated: bool) -> ObjectSize {
    ObjectSize { name: object.name, kind: object.kind, bytes, estimated }
}

/// The pages of a table or an index; none when they are more than `most`.
fn count_pages(
    connection: &Connection,
    name: &str,
    most: u64,
    progress: &mut dyn FnMut(u64),
) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM dbstat WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
        if count > most {
            return Ok(None);
        }
        if count % PROGRESS_PAGES == 0 {
            progress(count);
        }
    }
    Ok(Some(count))
}

/// Shares the bytes that are left among those that were too large to read.
fn share(
    connection: &Connection,
    (schema, sample): (&Schema, &Sample),
    large: Vec<Object>,
    bytes: u64,
) -> rusqlite::Result<Vec<ObjectSize>> {
    let estimated = large.len() > 1;
    let weights = large.iter().map(|object| weight(connection, schema, sample, object));
    let weights: Vec<f64> = weights.collect::<rusqlite::Result<_>>()?;
    let total: f64 = weights.iter().sum();
    let sized = |(object, weight): (Object, f64)| {
        size(object, (bytes as f64 * weight / total.max(1.0)) as u64, estimated)
    };
    Ok(large.into_iter().zip(weights).map(sized).collect())
}

/// What the rows of a table or an index take, about: their values and a few bytes of headers.
fn weight(
    connection: &Connection,
    schema: &Schema,
    sample: &Sample,
    object: &Object,
) -> rusqlite::Result<f64> {
    const TABLE_HEADERS: u64 = 8;
    const INDEX_HEADERS: u64 = 10;
    let rows = sample.rows_read;
    let column_bytes =
        |at: usize| sample.tallies.get(at).map_or(0, |tally| tally.bytes + tally.nulls);
    let bytes = match object.kind {
        ObjectKind::LogTable => {
            let values: u64 = schema.ids().map(|column| column_bytes(column.0)).sum();
            values + rows * TABLE_HEADERS
        }
        ObjectKind::LogIndex => {
            let mut statement = connection
                .prepare_cached("SELECT cid FROM pragma_index_info(?1, 'main') WHERE cid >= 0")?;
            let columns = statement.query_map([&object.name], |row| row.get::<_, i64>(0))?;
            let columns: Vec<i64> = columns.collect::<Result<_, _>>()?;
            let columns = columns.into_iter().filter_map(|at| usize::try_from(at).ok());
            let values: u64 = columns.map(column_bytes).sum();
            values + rows * INDEX_HEADERS
        }
        // Nothing is known of its rows but that they are many.
        ObjectKind::Dictionary | ObjectKind::Own | ObjectKind::Other => {
            return Ok(READ_BYTES as f64 * 2.0);
        }
    };
    Ok(bytes as f64 * sample.rows as f64 / rows.max(1) as f64)
}
