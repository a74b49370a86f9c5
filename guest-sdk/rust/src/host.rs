//! What loglite does for a plugin: through the component's imports, or natively through the fake host of a test.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub(crate) use self::component::{ingest, last_checkpoint, log, send, sleep, stopping};
#[cfg(not(target_family = "wasm"))]
pub(crate) use self::native::{ingest, last_checkpoint, log, send, sleep, stopping};
