//! Levels, whatever they are called.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// How important an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Finer than debugging.
    Trace,
    /// For finding out why something happens.
    Debug,
    /// What normally happens.
    Info,
    /// Between normal and worth a look.
    Notice,
    /// What should be looked at.
    Warn,
    /// What went wrong.
    Error,
    /// What ended a program, or worse.
    Fatal,
}

impl Level {
    /// Of a number, as JavaScript loggers write it: 10 is trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
    pub(crate) const fn from_number(number: i64) -> Self {
        match number {
            ..=10 => Self::Trace,
            11..=20 => Self::Debug,
            21..=30 => Self::Info,
            31..=40 => Self::Warn,
            41..=50 => Self::Error,
            51.. => Self::Fatal,
        }
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [
            ("trace", Self::Trace),
            ("debug", Self::Debug),
            ("info", Self::Info),
            ("information", Self::Info),
            ("notice", Self::Notice),
            ("warn", Self::Warn),
            ("warning", Self::Warn),
            ("error", Self::Error),
            ("err", Self::Error),
            ("critical", Self::Fatal),
            ("crit", Self::Fatal),
            ("fatal", Self::Fatal),
            ("alert", Self::Fatal),
            ("emerg", Self::Fatal),
            ("emergency", Self::Fatal),
            ("panic", Self::Fatal),
        ];
        let found = known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, level)| level).ok_or_else(|| {
            format!(
                "unknown level `{text}`; there are trace, debug, info, notice, warn, error, fatal"
            )
        })
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
