//! From what a source hands over to rows in the writer's queue.
//!
//! It does not know where entries come from.

mod bind;
mod entries;
mod ingestor;
mod json_text;
mod transform;

pub use bind::{Binder, UnknownFields};
pub use entries::{BadBody, Bound};
pub use ingestor::{IngestError, Ingestor, Pending};
pub use transform::{Link, Transform, Unavailable, Verdict};
