//! The service put together: what is started in which order, and how it stops.

mod replay;
mod service;
pub mod telemetry;

pub use replay::{ReplayError, Replayer};
pub use service::{Service, StartError};
