//! Why a column can't be compressed or decompressed, each with the way out.

use crate::store::StoreError;

/// What keeps a column from being recoded.
#[derive(Debug, thiserror::Error)]
pub enum RecodeError {
    /// The database can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The table has no such column.
    #[error("the table `{table}` has no column `{column}`; it has: {}", known.join(", "))]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// The table.
        table: String,
        /// Its columns.
        known: Vec<String>,
    },
    /// The column can't hold ids.
    #[error("the column `{column}` of `{table}` can't be compressed: {reason}")]
    NotPossible {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// Why, and the way out.
        reason: String,
    },
    /// A trigger would run for each row.
    #[error(
        "each row's change would run triggers of `{table}` ({}); drop them, run this command again, and create them \
         again when it is done",
        triggers.join(", ")
    )]
    Triggers {
        /// The table.
        table: String,
        /// Their names.
        triggers: Vec<String>,
    },
    /// The configuration wants the opposite.
    #[error(
        "`{column}` is in `compression.columns` of the configuration, so a service compresses new rows; take it out \
         there, restart the service if one runs, then run this command again"
    )]
    Listed {
        /// The column.
        column: String,
    },
    /// No column was named.
    #[error("no column is named; pass `--column NAME`{hint}")]
    NoColumn {
        /// What else would do.
        hint: &'static str,
    },
    /// Another command is at it.
    #[error(
        "another `loglite compress` or `loglite decompress` works on this database{}; wait until it is done, or end it, \
         then run this command again",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The other process, if it is known.
        pid: Option<u32>,
    },
    /// Rows that could not be changed.
    #[error(
        "could not change {rows} {} of the column `{column}`, the first is row {row_id}: {cause}; all others are changed, \
         and every row is read as before; {way_out}, then run this command again",
        if *rows == 1 { "row" } else { "rows" }
    )]
    Stuck {
        /// The column.
        column: String,
        /// How many.
        rows: u64,
        /// The first of them.
        row_id: i64,
        /// Why.
        cause: String,
        /// What to do.
        way_out: &'static str,
    },
}

impl RecodeError {
    /// Whether the arguments or the configuration must change.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Store(error) => {
                error.is_configuration() || matches!(error, StoreError::Absent { .. })
            }
            Self::InUse { .. } | Self::Stuck { .. } => false,
            _ => true,
        }
    }
}

impl From<rusqlite::Error> for RecodeError {
    fn from(cause: rusqlite::Error) -> Self {
        Self::Store(cause.into())
    }
}
