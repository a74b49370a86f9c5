//! loglite stores structured logs in SQLite under a schema that the user defines, answers queries over
//! HTTP, and streams new entries over server-sent events.
//!
//! The modules are layers: each imports only from those declared above it (a test checks it).
//! ARCHITECTURE.md is the map.

pub mod domain;

pub mod config;

pub mod metrics;

pub mod store;

pub mod pipeline;

pub mod live;

pub mod harvest;

pub mod plugin;

pub mod http;

pub mod app;

pub mod cli;
