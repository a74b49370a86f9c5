//! Messages to loglite's own log, for what an operator should know. Log entries don't belong here.
//!
//! ```
//! use loglite_guest::log;
//!
//! let page = 7;
//! log::info!("went on at page {page}");
//! log::write(log::Level::Debug, "nothing new");
//! ```
//!
//! A plugin that writes more than its limits allow has the rest of that second's messages dropped and counted. What it
//! prints, or panics with, comes to the log as well.

use std::fmt;

use crate::host;

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For finding out why something happens; not shown unless loglite runs with `debug: true`.
    Debug,
    /// What normally happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What an operator must act on.
    Error,
}

/// Writes one message.
pub fn write(level: Level, message: impl fmt::Display) {
    host::log(level, &message.to_string());
}

/// Writes a message at [`Level::Debug`], formatted as by `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($message)+)) };
}

/// Writes a message at [`Level::Info`], formatted as by `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, ::core::format_args!($($message)+)) };
}

/// Writes a message at [`Level::Warn`], formatted as by `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($message)+)) };
}

/// Writes a message at [`Level::Error`], formatted as by `format!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, ::core::format_args!($($message)+)) };
}

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};
