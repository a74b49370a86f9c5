//! Why a column can't be compressed, each with the way out.

/// What keeps a column from being compressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// The table has no such column.
    #[error("the table `{table}` has no column `{column}`; it has: {}", known.join(", "))]
    UnknownColumn {
        /// The name that was asked for.
        column: String,
        /// The table.
        table: String,
        /// Its columns.
        known: Vec<String>,
    },
    /// A column that must hold its values as they are.
    #[error(
        "the column `{column}` of `{table}` can't be compressed, as it is {what}; take it out of `compression.columns`"
    )]
    NotPossible {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// What it is.
        what: &'static str,
    },
    /// SQLite would make something else of an id.
    #[error(
        "the column `{column}` of `{table}` can't be compressed: it is declared {declared}, which can't hold ids; declare \
         it INTEGER (text that looks like a number becomes one there: `007` becomes 7, and a number of more than 18 digits \
         may lose the last ones; the new column is the last of the table, has no CHECK and no COLLATE, and NOT NULL only \
         with a DEFAULT){way_out}"
    )]
    DeclaredType {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// Its declared type.
        declared: String,
        /// How.
        way_out: String,
    },
    /// A CHECK that no id passes.
    #[error(
        "the column `{column}` of `{table}` can't be compressed: its ids fail `{check}`, so every row would be refused; \
         remove that constraint with a migration that makes the column or the table anew{way_out}"
    )]
    Check {
        /// The column.
        column: String,
        /// The table.
        table: String,
        /// The constraint.
        check: String,
        /// How.
        way_out: String,
    },
    /// Numbers in a column of which nothing is known.
    #[error(
        "the column `{column}` of `{table}` holds numbers, and the database does not know them as ids; if the column was \
         never compressed, `loglite compress -c … --column {column}` does it now; if it was, restore the table \
         `column_dictionary` from a backup"
    )]
    HoldsNumbers {
        /// The column.
        column: String,
        /// The table.
        table: String,
    },
}
