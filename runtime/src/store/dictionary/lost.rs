//! A row whose value is no longer in the dictionary.

use crate::domain::RowId;

/// A row holds an id that the dictionary has no value for: rows of `column_dictionary` were deleted, or are damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value of `{column}` in row {} is lost: `column_dictionary` has none for its id {value_id}; restore the rows of \
     `column_dictionary` from a backup, or leave `{column}` out of `fields`",
    row_id.0
)]
pub struct LostValue {
    /// The compressed column.
    pub column: String,
    /// What the row holds instead of the value.
    pub value_id: i64,
    /// The row.
    pub row_id: RowId,
}
