//! What ends a deletion before its end.

use crate::domain::RowId;
use crate::store::{Fault, StoreError};

/// What ended it, and what was done until then.
#[derive(Debug, thiserror::Error)]
#[error("{}{cause}; {}{}", named(*row), before(*rows), way_out(cause))]
pub struct DeleteError {
    /// Rows that are deleted.
    pub rows: u64,
    /// The row that can't be deleted, if one is the reason.
    pub row: Option<RowId>,
    /// What ended it.
    pub cause: Box<StoreError>,
}

fn named(row: Option<RowId>) -> String {
    row.map(|row| format!("row {} can't be deleted: ", row.0)).unwrap_or_default()
}

fn before(rows: u64) -> String {
    match rows {
        0 => "no row was deleted".to_owned(),
        1 => "1 row was deleted before".to_owned(),
        _ => format!("{rows} rows were deleted before"),
    }
}

fn way_out(cause: &StoreError) -> &'static str {
    match cause.fault() {
        Some(Fault::Constraint) => {
            "; delete what refers to the row first, or leave such rows out by a further filter"
        }
        Some(Fault::Busy | Fault::Full | Fault::Io) => "; the same command goes on",
        _ => "",
    }
}
