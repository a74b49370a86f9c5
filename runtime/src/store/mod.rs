//! SQLite: the one home of the database, its connections and its SQL.
//!
//! It owns the writer, the read pool, checkpoints, migrations and the SQL text. It knows nothing of HTTP and plugins.

mod answers;
mod checkpoint;
mod committer;
mod connection;
mod contains;
mod database;
pub mod dead_letters;
mod delivery;
mod encode;
mod error;
mod fault;
mod health;
mod insert;
mod introspect;
mod letter_box;
mod lock;
pub mod migrate;
mod page;
mod part;
mod position;
mod pragma;
mod queue;
mod read_pool;
mod row_ids;
mod select;
mod sql_text;
mod trial;
mod write_error;
mod writer;

use std::time::Duration;

pub use connection::{open_beside, open_reader, open_trial, open_writer};
pub use database::Store;
pub use delivery::{Delivery, Originals};
pub use encode::{RowEncoder, RowFormat};
pub use error::StoreError;
pub use fault::Fault;
pub use introspect::find_writable_column;
pub use lock::DatabaseLock;
pub use page::{Extent, Page, TailPage, TailSpan, count_and_read, read_page, read_tail};
pub use position::{read_checkpoint, read_input_checkpoints};
pub use queue::{PendingReceipt, Reservation, WriteQueue};
pub use read_pool::ReadPool;
pub use write_error::WriteError;

/// How long a statement waits for the lock of another connection.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
