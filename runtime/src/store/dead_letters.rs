//! Reading and deleting dead letters, beside a running service or without one.
//!
//! A database that no loglite with dead letters has served has none: reading finds nothing and changes nothing.

use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::StoreError;
use super::letter_box;
use crate::domain::{DeadLetter, EntryText, KeptLetter, LetterTotals, SourceName};

/// Which dead letters are meant: those that meet all conditions, so without any condition all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// Of this source.
    pub source: Option<SourceName>,
    /// With a number in one of these ranges; empty stands for any number.
    pub ids: Vec<RangeInclusive<i64>>,
    /// Older than this.
    pub older_than: Option<Duration>,
}

/// A page of letters ends after so many bytes, as an entry may take a megabyte.
const PAGE_BYTES: usize = 4 << 20;
/// Letters that one transaction deletes: a service that runs beside waits for it.
const PURGE_STEP: usize = 500;

const TABLE: &str = "loglite_dead_letters";
const COLUMNS: &str = "SELECT id, time, source, reason, entry FROM loglite_dead_letters";
const CONDITIONS: &str = "WHERE loglite_dead_letters.id BETWEEN :first AND :last
    AND (:source IS NULL OR source = :source)
    AND (:older IS NULL OR time < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', :older))
    AND (:ranges IS NULL OR EXISTS (SELECT 1 FROM json_each(:ranges) AS span
        WHERE loglite_dead_letters.id BETWEEN span.value ->> 0 AND span.value ->> 1))";

/// Up to `limit` letters, the newest first, of those before the number `before`. Fewer when they are large; none only
/// at the end. The last one's number is where the next page begins.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn newest_letters(
    connection: &Connection,
    filter: &LetterFilter,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<KeptLetter>, StoreError> {
    let last = before.map_or(i64::MAX, |id| id.saturating_sub(1));
    let sql = format!("{COLUMNS} {CONDITIONS} ORDER BY loglite_dead_letters.id DESC LIMIT :limit");
    select(connection, &sql, &Selection { filter, span: 0..=last, limit }, sized_letter)
}

/// Up to `limit` letters, the oldest first, of those behind the number `after`: the order to replay them in. Fewer when
/// they are large; none only at the end.
///
/// A letter is replayed by handing its entry to the pipeline with its number in
/// [`Delivery::answered_letters`](super::Delivery::answered_letters): it goes in the transaction that stores its rows,
/// or that writes the letter of its next failure. Those have higher numbers than all that were there before, so a
/// replay ends at the number that was [`newest_letter`] when it began.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn oldest_letters(
    connection: &Connection,
    filter: &LetterFilter,
    after: i64,
    limit: usize,
) -> Result<Vec<KeptLetter>, StoreError> {
    let first = after.saturating_add(1);
    let sql = format!("{COLUMNS} {CONDITIONS} ORDER BY loglite_dead_letters.id LIMIT :limit");
    let selection = Selection { filter, span: first..=i64::MAX, limit };
    select(connection, &sql, &selection, sized_letter)
}

/// The letter with this number.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn read_letter(connection: &Connection, id: i64) -> Result<Option<KeptLetter>, StoreError> {
    if !connection.table_exists(None, TABLE)? {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    Ok(statement.query_row([id], kept_letter).optional()?)
}

/// The highest number of a letter, 0 without letters.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn newest_letter(connection: &Connection) -> Result<i64, StoreError> {
    if !connection.table_exists(None, TABLE)? {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(id), 0) FROM loglite_dead_letters";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// How many letters are kept. Costs nothing, however many they are.
///
/// # Errors
/// [`StoreError::Sqlite`]
pub fn letter_totals(connection: &Connection) -> Result<LetterTotals, StoreError> {
    if !connection.table_exists(None, TABLE)? {
        return Ok(LetterTotals::default());
    }
    Ok(letter_box::letter_totals(connection)?)
}

/// Deletes letters that are there now, in small transactions, and says how many. Blocks for as long as it takes.
///
/// # Errors
/// [`StoreError::Sqlite`]; what was deleted before stays so.
pub fn purge_letters(connection: &Connection, filter: &LetterFilter) -> Result<u64, StoreError> {
    let newest = newest_letter(connection)?;
    let mut after = 0;
    let mut purged = 0;
    loop {
        let page = letter_ids(connection, filter, after..=newest)?;
        let Some(last) = page.last() else { return Ok(purged) };
        after = last.saturating_add(1);
        let transaction = connection.unchecked_transaction()?;
        for id in &page {
            let sql = "DELETE FROM loglite_dead_letters WHERE id = ?1";
            purged += transaction.prepare_cached(sql)?.execute([id])? as u64;
        }
        transaction.commit()?;
    }
}

fn letter_ids(
    connection: &Connection,
    filter: &LetterFilter,
    span: RangeInclusive<i64>,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!("SELECT id FROM {TABLE} {CONDITIONS} ORDER BY 1 LIMIT :limit");
    select(connection, &sql, &Selection { filter, span, limit: PURGE_STEP }, |row| {
        Ok((row.get(0)?, 0))
    })
}

/// What a statement made of [`CONDITIONS`] is to find.
struct Selection<'f> {
    filter: &'f LetterFilter,
    /// Numbers to look at.
    span: RangeInclusive<i64>,
    limit: usize,
}

/// The rows that are found, until they hold more than [`PAGE_BYTES`]; `read` says how much each holds.
fn select<T>(
    connection: &Connection,
    sql: &str,
    selection: &Selection<'_>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(T, usize)>,
) -> Result<Vec<T>, StoreError> {
    if !connection.table_exists(None, TABLE)? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! {
        ":first": selection.span.start(),
        ":last": selection.span.end(),
        ":source": selection.filter.source.as_ref().map(SourceName::as_str),
        ":older": selection.filter.older_than.map(|age| format!("-{} seconds", age.as_secs())),
        ":ranges": selection.filter.ranges(),
        ":limit": i64::try_from(selection.limit).unwrap_or(i64::MAX),
    })?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < PAGE_BYTES {
        let Some(row) = rows.next()? else { break };
        let (one, size) = read(row)?;
        found.push(one);
        bytes += size;
    }
    Ok(found)
}

impl LetterFilter {
    /// The ranges as JSON, for the statement; none for any number.
    fn ranges(&self) -> Option<String> {
        let ranges = self.ids.iter().map(|range| serde_json::json!([range.start(), range.end()]));
        (!self.ids.is_empty()).then(|| serde_json::Value::from_iter(ranges).to_string())
    }
}

fn sized_letter(row: &Row<'_>) -> rusqlite::Result<(KeptLetter, usize)> {
    let kept = kept_letter(row)?;
    let bytes = kept.letter.byte_len();
    Ok((kept, bytes))
}

fn kept_letter(row: &Row<'_>) -> rusqlite::Result<KeptLetter> {
    let source: String = row.get(2)?;
    let entry: String = row.get(4)?;
    let letter = DeadLetter {
        source: source.as_str().into(),
        reason: row.get(3)?,
        entry: EntryText::from(entry),
    };
    Ok(KeptLetter { id: row.get(0)?, time: row.get(1)?, letter })
}
