//! From what a source hands over to rows in the writer's queue.
//!
//! It does not know where entries come from.

mod bind;
mod body;
mod bound;
mod chain;
mod collector;
mod draft;
mod haul;
mod ingest;
mod ingestor;
mod json_text;
mod pending;
mod reader;
mod replay;
mod replay_page;
mod settle;
#[cfg(test)]
mod tests;
mod transform;

pub use bind::{Binder, OwnColumns, UnknownFields};
pub use body::{BadBody, Layout};
pub use bound::Bound;
pub use chain::TransformChain;
pub use draft::Draft;
pub use haul::{Haul, HaulBuilder, Misfit, Prepared};
pub use ingestor::{IngestError, Ingestor};
pub use pending::Pending;
pub use reader::check_entry;
pub use replay::{Interpreter, ReplayOutcome, Replayed};
pub use replay_page::{ReplayPage, ReplayRequest};
pub use transform::{Link, Transform, Unavailable, Verdict};
