//! The words of loglite as types: what an entry, a schema, a row and a query are.
//!
//! Invariant: nothing here knows an engine. No tokio, no rusqlite, no axum, no files.

mod byte_size;
mod dead_letter;
mod entry;
mod filter;
mod filter_text;
mod fingerprint;
mod plugin_kind;
mod query;
mod receipt;
mod row;
mod schema;
mod source;
mod timestamp;

pub use byte_size::{ByteSize, ByteSizeError};
pub use dead_letter::{DeadLetter, KeptLetter, LetterTotals};
pub use entry::EntryText;
pub use filter::{Filter, Literal, Operator};
pub use filter_text::{
    FilterError, FilterText, MAX_CONDITIONS, parse_conditions, parse_filters, starts_with_operator,
};
pub use fingerprint::fingerprint;
pub use plugin_kind::PluginKind;
pub use query::{Cursor, Order, Query, Start};
pub use receipt::{Receipt, Refusal};
pub use row::{RowBatch, RowBatchBuilder, RowId, RowView, Value, Values};
pub use schema::{Affinity, Column, ColumnId, Kind, Schema, quote_identifier};
pub use source::{Checkpoint, CheckpointKey, SourceName};
pub use timestamp::UnixMicros;
pub(crate) use timestamp::{COMPACT_DATES, COMPACT_TIMES};
