//! The service put together: what is started in which order, and how it stops.

pub mod import;
mod offline;
pub mod pipe;
mod replay;
mod service;
pub mod telemetry;

pub use replay::{ReplayError, Replayer};
pub use service::{Service, StartError};
