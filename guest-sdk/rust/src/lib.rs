//! Write plugins for loglite in Rust.
//!
//! A plugin is a WebAssembly component of one of two kinds. A [`Harvester`] brings entries in; a [`Transform`] looks
//! at each entry on its way to the table. Implement the trait, name the type in [`export!`], and build the crate as a
//! `cdylib` for `wasm32-wasip2`.
//!
//! ```
//! use loglite_guest::{Entry, Failure, NoConfig, Transform, Verdict};
//!
//! struct DropHealthChecks;
//!
//! impl Transform for DropHealthChecks {
//!     type Config = NoConfig;
//!
//!     fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!
//!     fn apply(&mut self, entry: Entry<'_>) -> Verdict {
//!         if entry.text().contains("GET /health") { Verdict::Drop } else { Verdict::Keep }
//!     }
//! }
//!
//! loglite_guest::export!(transform: DropHealthChecks);
//! # fn main() {}
//! ```
//!
//! Everything works natively as well, on a fake host: see [`testing`].

mod config;
mod cut;
mod entry;
mod export;
mod failure;
mod harvest;
mod host;
pub mod http;
pub mod log;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod transform;

pub use config::NoConfig;
pub use entry::Entry;
pub use failure::Failure;
pub use harvest::{Checkpoint, Harvest, Harvester, IngestError, Receipt, Refusal};
pub use transform::{Transform, Verdict};

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use export::component as __component;

/// The README's examples, checked as the documentation's are.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
