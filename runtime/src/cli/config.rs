//! `loglite config check` and `loglite config show`.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::config::{Config, environment};

/// Says that the configuration is in order.
///
/// # Errors
/// `ConfigErrors` when it is not, or the failure to write to standard output.
pub(super) fn check(path: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(path, environment())?;
    let name = path.map_or("built-in configuration".into(), Path::to_string_lossy);
    let (count, table) = (config.migrations.len(), &config.database.log_table_name);
    let plural = if count == 1 { "" } else { "s" };
    write_out(&format!("{name}: ok ({count} migration{plural}, table {table})\n"))
}

/// Prints the configuration in effect, environment included, as a documented file that loads again.
///
/// # Errors
/// `ConfigErrors` when it can't be loaded, or the failure to write to standard output.
pub(super) fn show(path: Option<&Path>) -> anyhow::Result<()> {
    write_out(&Config::load(path, environment())?.to_yaml())
}

/// A reader that has seen enough, such as `head`, is no error.
fn write_out(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
