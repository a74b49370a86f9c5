//! SQLite: the one home of the database, its connections and its SQL.
//!
//! It owns the writer, the read pool, checkpoints, migrations and the SQL text. It knows nothing of HTTP and plugins.

mod answers;
mod bad_filter;
mod checkpoint;
mod chore;
mod committer;
mod connection;
mod contains;
mod database;
pub mod dead_letters;
pub mod deletion;
mod delivery;
mod dictionary;
mod disk;
mod encode;
mod error;
mod fault;
mod health;
mod insert;
mod introspect;
mod letter_box;
mod locate;
mod lock;
mod log_watch;
mod maintenance;
mod make_ready;
mod matching;
pub mod migrate;
mod page;
mod part;
mod position;
mod pragma;
mod queue;
mod read_pool;
pub mod recode;
pub mod report;
mod reserve;
mod retention_filters;
mod row_ids;
mod scan;
mod select;
mod sql_text;
pub mod stats;
mod trial;
mod vacuum;
mod write_error;
mod writer;

use std::time::Duration;

pub use bad_filter::BadFilter;
pub use connection::{open_beside, open_reader, open_trial, open_writer};
pub use database::Store;
pub use delivery::{Delivery, Originals};
pub use dictionary::{CompressionError, LostValue};
pub use encode::{RowEncoder, RowFormat};
pub use error::StoreError;
pub use fault::Fault;
pub use introspect::find_writable_column;
pub use lock::DatabaseLock;
pub(crate) use matching::filter_sql;
pub use page::{Extent, Page, TailPage, TailSpan, count_and_read, read_page, read_tail};
pub use position::{read_checkpoint, read_input_checkpoints};
pub use queue::{PendingReceipt, Reservation, WriteQueue};
pub use read_pool::ReadPool;
pub use vacuum::{Renumbering, Rewritten, Shortage, rewrite_database};
pub use write_error::WriteError;

/// How long a statement waits for the lock of another connection.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
