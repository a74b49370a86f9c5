//! The harness of the end-to-end tests: it starts the real `loglite` binary in a directory of its own and talks to
//! it as its users do.
//!
//! Invariant: everything waits for a condition under [`DEADLINE`], and no process outlives the value that started it.
//!
//! ```no_run
//! use loglite_e2e::{Home, config};
//! use serde_json::json;
//!
//! let server = Home::new(&config::with("sse_debounce_ms: 0")).start();
//! server.store(&json!({"message": "hello"}));
//! assert_eq!(server.rows("/logs?fields=message"), json!([{"message": "hello"}]));
//! ```

mod binary;
mod body;
mod clients;
mod connection;
mod deadline;
mod ends;
mod guest;
mod home;
mod launch;
mod log_file;
mod log_writer;
mod message;
mod process;
mod python;
mod server;
mod sse;
mod tiny;

pub mod compress;
pub mod config;
pub mod harvest;
pub mod plugins;
pub mod sockets;

pub use binary::binary;
pub use clients::{Clients, LONGEST, Ledger};
pub use connection::Connection;
pub use deadline::{DEADLINE, eventually};
pub use guest::guest;
pub use harvest::HarvesterStatus;
pub use home::Home;
pub use launch::Launch;
pub use log_file::LogFile;
pub use log_writer::{LogWriter, Pace};
pub use message::{Request, Response};
pub use plugins::{Plugin, PluginStatus};
pub use process::{Exit, Process};
pub use python::python_with;
pub use server::Server;
pub use sse::{Event, Frame, Sse};
pub use tiny::{Respond, TinyServer};
