//! The configuration file: one struct per section, its defaults, and the text that documents each key.
//!
//! The file is flat, as in the earlier generations of loglite: a section is a group of top-level keys.
//! Each section's file holds its struct, its `Default` and its rows of the table of keys ([`keys`]).
//! That table is the only list of keys there is: reading a file, environment overrides, `config show`
//! and `GET /settings` all follow it.
//!
//! Reading reports every problem at once ([`ConfigErrors`]), each with its place.

mod compression;
mod database;
mod environment;
mod harvesters;
mod http;
mod ingest;
mod key;
mod load;
mod mapping;
mod migrations;
mod partition;
mod plugin;
mod pragmas;
mod problem;
mod report;
mod retention;
mod root;
mod settings;
mod sse;
mod tasks;
mod unsupported;
mod value;
mod yaml;

pub use compression::CompressionConfig;
pub use database::DatabaseConfig;
pub use environment::environment;
pub use harvesters::HarvesterConfig;
pub use http::HttpConfig;
pub use ingest::{IngestConfig, JsonColumns};
pub use key::{Key, Section, keys, sections};
pub use migrations::Migration;
pub use partition::PartitionInterval;
pub use plugin::{
    Access, DirGrant, Grants, Limits, OnFailure, PluginConfig, Restart, TransformConfig,
    WasmHarvesterConfig,
};
pub use pragmas::Pragma;
pub use problem::{ConfigErrors, Fault, Origin, Position, Problem};
pub use retention::RetentionConfig;
pub use root::Config;
pub use settings::Setting;
pub use sse::SseConfig;
pub use tasks::TasksConfig;

#[cfg(test)]
mod tests;
