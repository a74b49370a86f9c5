//! What is said of each column.

use rusqlite::Connection;
use serde::Serialize;

use super::sample::Sample;
use super::tally::Tally;
use super::{compressed, estimate, gain};
use crate::domain::{Column, ColumnId, Schema};
use crate::store::StoreError;
use crate::store::dictionary::{CompressionError, compressible_column};

/// One column of the log table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// The declared type; empty when none was declared.
    pub declared_type: String,
    /// How many different values it has, NULL aside.
    pub values: Distinct,
    /// How many rows have NULL.
    pub nulls: u64,
    /// What its values take in the table.
    pub bytes: u64,
    /// What one takes on average, NULL aside; none when there is none.
    pub average_bytes: Option<f64>,
    /// What compression does for it, or would do.
    pub compression: ColumnCompression,
}

/// A number of different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Distinct {
    /// How many.
    pub count: u64,
    /// What that number is.
    pub certainty: Certainty,
}

/// How far a number can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// It was counted.
    Exact,
    /// It is estimated from a part of the rows.
    Estimated,
    /// Counting stopped there.
    AtLeast,
}

/// What compression does for a column, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ColumnCompression {
    /// Its rows hold ids.
    Compressed {
        /// How many entries of the dictionary are the column's.
        dictionary_values: u64,
        /// What they take there, about.
        dictionary_bytes: u64,
        /// How many rows have a value that stands for itself.
        plain_rows: u64,
        /// What the column takes less than it would otherwise, about.
        saved_bytes: i64,
    },
    /// It is not compressed, and would save this much.
    WouldSave {
        /// About.
        bytes: u64,
    },
    /// The same, but its declared type or a CHECK keeps ids out.
    WouldSaveAfterMigration {
        /// About.
        bytes: u64,
    },
    /// It is not compressed and should not be.
    NoGain,
}

/// What decides on hints.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// What the database takes.
    pub(super) used_bytes: u64,
    /// What the dictionary takes of a column's values.
    pub(super) max_values: u64,
}

/// Reports on all columns in declared order.
pub(super) fn reports(
    connection: &Connection,
    schema: &Schema,
    sample: &Sample,
    bounds: Bounds,
) -> Result<Vec<ColumnReport>, StoreError> {
    let holding_ids = compressed::compressed(connection, schema)?;
    let columns = schema.ids().zip(&sample.tallies);
    columns
        .map(|(id, tally)| {
            let values = if schema.row_id_column() == Some(id) {
                Distinct { count: sample.rows, certainty: Certainty::Exact }
            } else {
                estimate::distinct(sample, tally)
            };
            let compression = if holding_ids.contains(&id) {
                of_compressed(connection, (schema, id), sample, tally)?
            } else {
                hint(connection, (schema, id), (sample, tally, values), bounds)?
            };
            Ok(report(schema.column(id), (sample, tally), values, compression))
        })
        .collect()
}

fn report(
    column: &Column,
    (sample, tally): (&Sample, &Tally),
    values: Distinct,
    compression: ColumnCompression,
) -> ColumnReport {
    let filled: u64 = tally.filled;
    ColumnReport {
        name: column.name.clone(),
        declared_type: column.sqlite_type.clone(),
        values,
        nulls: sample.scaled(tally.nulls),
        bytes: sample.scaled(tally.bytes),
        average_bytes: (filled > 0).then(|| tally.bytes as f64 / filled as f64),
        compression,
    }
}

fn of_compressed(
    connection: &Connection,
    (schema, id): (&Schema, ColumnId),
    sample: &Sample,
    tally: &Tally,
) -> rusqlite::Result<ColumnCompression> {
    let is_wanted = |value_id| tally.seen.contains_key(&value_id);
    let entries = compressed::entries(connection, &schema.column(id).name, is_wanted)?;
    let copies = gain::copies(connection, schema, id)?;
    Ok(ColumnCompression::Compressed {
        dictionary_values: entries.count,
        dictionary_bytes: entries.bytes,
        plain_rows: sample.scaled(tally.plain),
        saved_bytes: gain::actual(sample, tally, &entries, copies),
    })
}

fn hint(
    connection: &Connection,
    (schema, id): (&Schema, ColumnId),
    (sample, tally, values): (&Sample, &Tally, Distinct),
    bounds: Bounds,
) -> Result<ColumnCompression, StoreError> {
    if values.certainty == Certainty::AtLeast || values.count > bounds.max_values {
        return Ok(ColumnCompression::NoGain);
    }
    let column = &schema.column(id).name;
    let copies = gain::copies(connection, schema, id)?;
    let bytes = gain::expected(sample, tally, (column, values), copies);
    if !gain::is_worth(bytes, bounds.used_bytes) {
        return Ok(ColumnCompression::NoGain);
    }
    match compressible_column(connection, schema, column, bounds.max_values) {
        Ok(_) => Ok(ColumnCompression::WouldSave { bytes }),
        Err(StoreError::Compression(
            CompressionError::DeclaredType { .. } | CompressionError::Check { .. },
        )) => Ok(ColumnCompression::WouldSaveAfterMigration { bytes }),
        Err(StoreError::Compression(_)) => Ok(ColumnCompression::NoGain),
        Err(error) => Err(error),
    }
}
