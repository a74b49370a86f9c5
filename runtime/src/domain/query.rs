//! A question to the log table: which columns of which rows, in which order, from where.

use super::{ColumnId, Filter, RowId};

/// The order of a result, by timestamp and then by row id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// A place in an ordered result: the next row is the first one behind it.
///
/// A row is identified by its timestamp and its row id, so a cursor stays valid while rows arrive or are deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// The timestamp of the row, as it is stored.
    pub timestamp: super::Literal,
    /// The row's id.
    pub row_id: RowId,
}

/// Where in the ordered result the answer starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// After this many rows.
    Offset(u64),
    /// Behind this row.
    Cursor(Cursor),
}

/// A question to the log table. All conditions must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The columns of the answer, in this order.
    pub fields: Vec<ColumnId>,
    /// The conditions.
    pub filters: Vec<Filter>,
    /// The order.
    pub order: Order,
    /// Where to start.
    pub start: Start,
    /// How many rows at most; `None` is all of them.
    pub limit: Option<u64>,
}
