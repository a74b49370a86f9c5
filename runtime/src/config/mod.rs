//! The configuration file: one struct per section, its defaults, and the text that documents each key.
//!
//! The file is flat, as in the earlier generations of loglite: a section is a group of top-level keys.
//! Each section's file holds its struct, its `Default` and its rows of the table of keys ([`keys`]).
//! That table is the only list of keys there is: reading a file, environment overrides, `config show`
//! and `GET /settings` all follow it.
//!
//! Reading reports every problem at once ([`ConfigErrors`]), each with its place.

mod authority;
mod component;
mod compression;
mod database;
mod dead_letters;
mod environment;
mod grant;
mod harvesters;
mod http;
mod ingest;
mod input;
mod json;
mod key;
mod limits;
mod line_options;
mod load;
mod mapping;
mod migrations;
mod native;
mod options;
mod partition;
mod plugin;
mod plugins;
mod pragmas;
mod problem;
mod report;
mod retention;
mod retention_rule;
mod root;
mod settings;
mod sse;
mod tasks;
mod transforms;
mod unsupported;
mod value;
mod yaml;

pub use compression::CompressionConfig;
pub use database::DatabaseConfig;
pub use dead_letters::DeadLettersConfig;
pub use environment::environment;
pub use harvesters::HarvesterConfig;
pub use http::HttpConfig;
pub use ingest::{IngestConfig, JsonColumns};
pub use input::{InputKey, InputKind, line_keys};
pub use key::{Key, Section, keys, sections};
pub use limits::{LimitKey, limit_keys};
pub use line_options::{LineOptions, read_source};
pub use migrations::Migration;
pub use native::{
    DockerConfig, ExecConfig, FileConfig, Framing, InputConfig, JournaldConfig, LineConfig,
    LineFormat, Listen, MultilineConfig, NativeHarvesterConfig, Pattern, SocketConfig, Start,
    SyslogConfig, TimestampConfig, TimestampFormat, TlsConfig, UnixPath, ZmqConfig, ZmqSocketType,
};
pub use options::PluginOptions;
pub use partition::PartitionInterval;
pub use plugin::{
    Access, DirGrant, Grants, Limits, OnFailure, PluginConfig, Restart, TransformConfig,
    WasmHarvesterConfig,
};
pub use plugins::PluginsConfig;
pub use pragmas::Pragma;
pub use problem::{ConfigErrors, Fault, Origin, Position, Problem};
pub use retention::RetentionConfig;
pub use retention_rule::RetentionRule;
pub use root::Config;
pub use settings::Setting;
pub use sse::SseConfig;
pub use tasks::TasksConfig;

#[cfg(test)]
mod tests;
