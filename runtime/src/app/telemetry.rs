//! What the service logs about itself: the format, the level, and where to.
//!
//! Everything goes to standard error, so that standard output is free for results.

use std::env;
use std::io::{IsTerminal, stderr};

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment variable that overrides the level, such as `debug` or `loglite::store=trace,warn`.
pub const FILTER_VARIABLE: &str = "LOGLITE_LOG";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A line for people, coloured on a terminal (unless `NO_COLOR` is set).
    #[default]
    Human,
    /// A JSON object per line.
    Json,
}

/// Why logging can't be set up.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{filter}` in the environment variable {FILTER_VARIABLE} is no filter; use a level such as `debug`, or `loglite=debug,warn`"
)]
pub struct TelemetryError {
    filter: String,
}

/// Starts logging at `level`, which the environment variable [`FILTER_VARIABLE`] overrides. The first call counts.
///
/// # Errors
/// [`TelemetryError`] when that variable holds no filter.
pub fn init(format: LogFormat, level: Level) -> Result<(), TelemetryError> {
    let filter = filter(env::var(FILTER_VARIABLE).ok(), level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = match format {
        LogFormat::Human => {
            let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let with_colour = stderr().is_terminal() && !is_plain;
            builder.with_ansi(with_colour).with_target(false).finish().try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was set up before");
    }
    Ok(())
}

fn filter(overriding: Option<String>, level: Level) -> Result<EnvFilter, TelemetryError> {
    let text = match overriding {
        Some(text) if !text.trim().is_empty() => text,
        // Below this level the libraries speak of their own affairs.
        _ if level > Level::INFO => format!("info,loglite={level}"),
        _ => level.to_string(),
    };
    EnvFilter::try_new(&text).map_err(|_| TelemetryError { filter: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_for_our_own_modules() {
        let filter = filter(None, Level::DEBUG).expect("a filter").to_string();
        assert_eq!(filter, "loglite=debug,info");
    }

    #[test]
    fn the_environment_overrides_the_level() {
        let filter = filter(Some("warn".into()), Level::DEBUG).expect("a filter").to_string();
        assert_eq!(filter, "warn");
    }

    #[test]
    fn a_filter_that_is_none_is_named() {
        let error = filter(Some("loglite=loud".into()), Level::INFO).expect_err("no such level");
        assert!(
            error.to_string().starts_with("`loglite=loud` in the environment variable LOGLITE_LOG"),
            "{error}"
        );
    }
}
