//! Reading the log table: counts, pages in timestamp order, and what came after a row.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params_from_iter};

use super::StoreError;
use super::dictionary::{ColumnState, Lost, read_states};
use super::encode::{RowEncoder, RowWriter};
use super::matching::Matching;
use super::select::{Condition, Sql, Walk};
use crate::domain::{
    Cursor, Filter, Literal, Order, Query, RowId, Schema, Start, quote_identifier,
};

/// A page ends once it holds this many bytes, so that wide rows don't fill the memory.
const PAGE_BYTES: usize = 1 << 20;
/// Row ids looked at per query of a tail: bounds the time of a filter that nothing passes.
const TAIL_SPAN: i64 = 50_000;

/// Rows as bytes, and where they end.
#[derive(Debug, Default)]
pub struct Page {
    /// The encoded rows.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub rows: u64,
    /// The last row's place.
    pub last: Option<Cursor>,
    /// Whether there may be rows behind the last one.
    pub more: bool,
}

/// What came after a row, in commit order.
#[derive(Debug, Default)]
pub struct TailPage {
    /// The encoded rows, each apart, oldest first.
    pub rows: Vec<Vec<u8>>,
    /// The newest row among them.
    pub newest: Option<RowId>,
    /// All up to this row is dealt with.
    pub reached: RowId,
}

/// How many rows match, exactly.
fn count(moment: &Moment<'_>, matching: &Matching<'_>) -> Result<u64, StoreError> {
    let sql = Sql::count(moment.schema, matching);
    let mut statement = moment.connection.prepare_cached(&sql.text)?;
    let count: i64 = statement.query_row(params_from_iter(sql.values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Whether to walk the rows in order rather than to collect and sort all `matches`.
///
/// Collecting costs all matches; walking looks at rows until the page is full: `wanted / share of matches`.
fn choose_walk(schema: &Schema, extent: Extent, wanted: u64) -> Walk {
    let matches = u128::from(extent.matches);
    let cost_of_walk = (u128::from(wanted) * u128::from(extent.rows)) / matches.max(1);
    if schema.timestamp_indexed() && cost_of_walk < matches { Walk::InOrder } else { Walk::Planner }
}

/// A snapshot of the database, with how the columns' cells are to be read in it.
struct Moment<'c> {
    connection: &'c Connection,
    schema: &'c Schema,
    states: Vec<ColumnState>,
}

impl<'c> Moment<'c> {
    fn of(connection: &'c Connection, schema: &'c Schema) -> rusqlite::Result<Self> {
        let states = read_states(connection, schema)?;
        Ok(Self { connection, schema, states })
    }

    fn resolve<'f>(&self, filters: &'f [Filter]) -> rusqlite::Result<Matching<'f>> {
        Matching::resolve((self.connection, self.schema), &self.states, filters, Lost::Found)
    }

    fn writer(&self, encoder: &'c RowEncoder) -> RowWriter<'c> {
        encoder.writer((self.connection, self.schema), &self.states)
    }
}

/// One page of `query`, at most `most` rows of it.
///
/// # Errors
/// [`StoreError::Timeout`] when the deadline interrupts it, [`StoreError::LostValue`], or SQLite's error.
pub fn read_page(
    connection: &Connection,
    schema: &Schema,
    query: &Query,
    encoder: &RowEncoder,
    bounds: (Extent, u64),
) -> Result<Page, StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    let moment = Moment::of(&snapshot, schema)?;
    let matching = moment.resolve(&query.filters)?;
    let page = page_of(&moment, (query, &matching), encoder, bounds)?;
    snapshot.commit()?;
    Ok(page)
}

fn page_of(
    moment: &Moment<'_>,
    (query, matching): (&Query, &Matching<'_>),
    encoder: &RowEncoder,
    (extent, most): (Extent, u64),
) -> Result<Page, StoreError> {
    let schema = moment.schema;
    let skipped = if let Start::Offset(offset) = query.start { offset } else { 0 };
    let walk = choose_walk(schema, extent, skipped.saturating_add(most));
    let mut page = Page::default();
    let mut writer = moment.writer(encoder);
    // Rows without a timestamp come last when the newest come first; a comparison with the cursor's timestamp
    // leaves them out.
    let nulls = nulls_behind(schema, query);
    for part in [Some(query), nulls.as_ref()].into_iter().flatten() {
        if !page.more && page.rows < most {
            let limit = most - page.rows;
            let sql = page_sql(schema, (part, matching), (walk, extent.newest), limit);
            fill((moment.connection, &sql), &mut writer, most, &mut page)?;
        }
    }
    Ok(page)
}

/// The count of all matches and the first page, of one moment.
///
/// # Errors
/// As [`read_page`].
pub fn count_and_read(
    connection: &Connection,
    schema: &Schema,
    query: &Query,
    encoder: &RowEncoder,
    most: u64,
) -> Result<(Extent, Page), StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    let (oldest, newest) = id_range(&snapshot, schema)?;
    let moment = Moment::of(&snapshot, schema)?;
    let matching = moment.resolve(&query.filters)?;
    let matches = count(&moment, &matching)?;
    let rows = newest.0.saturating_sub(oldest.0).unsigned_abs().saturating_add(1);
    let extent = Extent { matches, rows, newest };
    let page = page_of(&moment, (query, &matching), encoder, (extent, most))?;
    snapshot.commit()?;
    Ok((extent, page))
}

/// What a query is about, at the moment of its first page.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How many rows match the query's filters, exactly.
    pub matches: u64,
    /// How many rows the table has at most.
    rows: u64,
    /// Rows newer than this are not part of the answer, which is how a long answer ends while rows arrive.
    newest: RowId,
}

fn nulls_behind(schema: &Schema, query: &Query) -> Option<Query> {
    let Start::Cursor(cursor) = &query.start else { return None };
    let can_be_null = !schema.column(schema.timestamp()).not_null;
    let applies =
        query.order == Order::Descending && cursor.timestamp != Literal::Null && can_be_null;
    let first_null = Cursor { timestamp: Literal::Null, row_id: RowId(i64::MAX) };
    applies.then(|| Query { start: Start::Cursor(first_null), ..query.clone() })
}

fn page_sql(
    schema: &Schema,
    (query, matching): (&Query, &Matching<'_>),
    (walk, newest): (Walk, RowId),
    limit: u64,
) -> Sql {
    let table = quote_identifier(schema.table());
    let row_id = quote_identifier(schema.row_id_name());
    let mut sql = Sql::default();
    sql.push("SELECT ");
    sql.columns(schema, &query.fields, &table);
    sql.push(&format!(" FROM {table}"));
    let mut further = vec![Condition::NotNewer(newest)];
    match &query.start {
        Start::Cursor(cursor) => {
            further.push(Condition::Behind(cursor, query.order));
            sql.conditions(schema, matching, walk, &further);
            sql.order_by(schema, query.order, &table);
            sql.push(&format!(" LIMIT {limit}"));
        }
        Start::Offset(0) => {
            sql.conditions(schema, matching, walk, &further);
            sql.order_by(schema, query.order, &table);
            sql.push(&format!(" LIMIT {limit}"));
        }
        // The ids of the page are found first, in the index alone where it holds all that the filters need.
        Start::Offset(offset) => {
            sql.push(&format!(" JOIN (SELECT {row_id} AS loglite_page_id FROM {table}"));
            sql.conditions(schema, matching, walk, &further);
            sql.order_by(schema, query.order, &table);
            let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
            sql.push(&format!(
                " LIMIT {limit} OFFSET {offset}) ON {table}.{row_id} = loglite_page_id"
            ));
            sql.order_by(schema, query.order, &table);
        }
    }
    sql
}

fn fill(
    (connection, sql): (&Connection, &Sql),
    writer: &mut RowWriter<'_>,
    most: u64,
    page: &mut Page,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(&sql.values))?;
    while let Some(row) = rows.next()? {
        writer.write(row, page.rows == 0, &mut page.bytes)?;
        page.rows += 1;
        page.last = Some(place(row, writer.field_count())?);
        page.more = page.rows == most || page.bytes.len() >= PAGE_BYTES;
        if page.more {
            break;
        }
    }
    Ok(())
}

/// The timestamp and row id that [`Sql::columns`] puts behind the fields.
fn place(row: &Row<'_>, at: usize) -> Result<Cursor, StoreError> {
    let timestamp = match row.get_ref(at)? {
        ValueRef::Null => Literal::Null,
        ValueRef::Integer(integer) => Literal::Integer(integer),
        ValueRef::Real(real) => Literal::Real(real),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Literal::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    };
    Ok(Cursor { timestamp, row_id: RowId(row.get(at + 1)?) })
}

/// Which rows a tail wants next.
#[derive(Debug, Clone, Copy)]
pub struct TailSpan {
    /// Rows newer than this one.
    pub after: RowId,
    /// This row and older.
    pub newest: RowId,
    /// How many at most.
    pub most: usize,
}

/// Rows of `query` (its fields and filters) within `span`, oldest first.
///
/// # Errors
/// [`StoreError::Timeout`] when the deadline interrupts it, or SQLite's error.
pub fn read_tail(
    connection: &Connection,
    schema: &Schema,
    query: &Query,
    encoder: &RowEncoder,
    span: TailSpan,
) -> Result<TailPage, StoreError> {
    let snapshot = connection.unchecked_transaction()?;
    let moment = Moment::of(&snapshot, schema)?;
    // Ids may have gaps that hold millions of spans.
    let page = match before_next_row(&snapshot, schema, span.after)? {
        None => TailPage { reached: span.newest, ..TailPage::default() },
        Some(after) => tail_of(&moment, query, encoder, TailSpan { after, ..span })?,
    };
    snapshot.commit()?;
    Ok(page)
}

fn tail_of(
    moment: &Moment<'_>,
    query: &Query,
    encoder: &RowEncoder,
    span: TailSpan,
) -> Result<TailPage, StoreError> {
    let until = RowId(span.newest.0.min(span.after.0.saturating_add(TAIL_SPAN)));
    let matching = moment.resolve(&query.filters)?;
    let sql = tail_sql(moment.schema, (query, &matching), span.after, until);
    let mut statement = moment.connection.prepare_cached(&sql.text)?;
    let mut rows = statement.query(params_from_iter(&sql.values))?;
    let mut writer = moment.writer(encoder);
    let mut page = TailPage { reached: until, ..TailPage::default() };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let id = RowId(row.get(writer.field_count() + 1)?);
        let mut encoded = Vec::new();
        match writer.write(row, true, &mut encoded) {
            // The rows before it first; the next page begins, and fails, with it.
            Err(StoreError::LostValue(_)) if !page.rows.is_empty() => {
                page.reached = RowId(id.0 - 1);
                break;
            }
            written => written?,
        }
        bytes += encoded.len();
        page.rows.push(encoded);
        page.newest = Some(id);
        if page.rows.len() == span.most || bytes >= PAGE_BYTES {
            page.reached = id;
            break;
        }
    }
    Ok(page)
}

fn tail_sql(
    schema: &Schema,
    (query, matching): (&Query, &Matching<'_>),
    after: RowId,
    until: RowId,
) -> Sql {
    let table = quote_identifier(schema.table());
    let mut sql = Sql::default();
    sql.push("SELECT ");
    sql.columns(schema, &query.fields, &table);
    sql.push(&format!(" FROM {table}"));
    let span = [Condition::Above(after), Condition::AtMost(until)];
    sql.conditions(schema, matching, Walk::RowIds, &span);
    sql.push(&format!(" ORDER BY {}", quote_identifier(schema.row_id_name())));
    sql
}

/// The id before the oldest row that is newer than `after`; none when there is no such row.
fn before_next_row(
    connection: &Connection,
    schema: &Schema,
    after: RowId,
) -> rusqlite::Result<Option<RowId>> {
    let (row_id, table) =
        (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
    let sql = format!("SELECT min({row_id}) - 1 FROM {table} WHERE {row_id} > ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([after.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(RowId)))
}

/// The smallest and the largest row id in the table; zeros when it is empty.
fn id_range(connection: &Connection, schema: &Schema) -> rusqlite::Result<(RowId, RowId)> {
    let (row_id, table) =
        (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
    // Each a look-up of its own: SQLite has no such plan for both in one SELECT.
    let sql = format!(
        "SELECT coalesce((SELECT min({row_id}) FROM {table}), 0), coalesce((SELECT max({row_id}) FROM {table}), 0)"
    );
    connection
        .prepare_cached(&sql)?
        .query_row([], |row| Ok((RowId(row.get(0)?), RowId(row.get(1)?))))
}
