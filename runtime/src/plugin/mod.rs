//! WebAssembly components as harvesters and transforms: the one home of wasmtime.
//!
//! `Engine` compiles components and keeps the compiled ones on disk. `PluginSetup` is what all instances of a plugin
//! share: configuration, grants, limits. A `TransformInstance` or `HarvesterInstance` is one sandbox. `WasmTransform` and
//! `WasmHarvester` keep instances at work, and `Plugins` is all of a configuration's plugins.
//!
//! Invariant: a plugin reaches what the configuration grants and nothing else, and one that loops, traps,
//! over-allocates or floods hurts only itself. It knows neither SQLite nor HTTP.

mod bindings;
mod call_error;
mod circuit;
mod door;
mod engine;
mod facts;
mod grants;
mod guest;
mod harvester;
mod harvester_instance;
mod host;
mod http_client;
mod imports;
mod instance;
mod limiter;
mod load;
mod load_error;
mod log_gate;
mod meter;
mod search;
mod setup;
mod stdio;
#[cfg(test)]
mod tests;
mod transform;
mod transform_instance;
mod transform_task;
mod wasi;
mod watch;

pub use call_error::CallError;
pub use door::{Closed, Door};
pub use engine::{Engine, EngineError};
pub use facts::Facts;
pub use harvester_instance::HarvesterInstance;
pub use host::{PluginError, Plugins, check_components};
pub use load::Loaded;
pub use load_error::LoadError;
pub(crate) use search::Search;
pub use setup::{BadGrant, PluginSetup};
pub use transform_instance::{Budget, TransformInstance};
