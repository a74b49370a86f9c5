//! The service put together: what is started in which order, and how it stops.

mod service;
pub mod telemetry;

pub use service::{Service, StartError};
