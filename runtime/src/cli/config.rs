//! `loglite config check` and `loglite config show`.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::config::{Config, environment};
use crate::plugin::{PluginError, check_components};

/// What is wrong with the components that a configuration names.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(.0))]
pub(super) struct UnusableComponents(Vec<PluginError>);

fn list(problems: &[PluginError]) -> String {
    let lines = problems.iter().map(|problem| {
        let causes = std::iter::successors(problem.source(), |cause| (*cause).source());
        causes.fold(problem.to_string(), |text, cause| format!("{text}: {cause}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Says that the configuration is in order, and that the plugins which it names can be loaded.
///
/// # Errors
/// `ConfigErrors` or [`UnusableComponents`] when it is not, or the failure to write to standard output.
pub(super) fn check(path: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(path, environment())?;
    check_components(&config).map_err(UnusableComponents)?;
    let name = path.map_or("built-in configuration".into(), Path::to_string_lossy);
    let (count, table) = (config.migrations.len(), &config.database.log_table_name);
    let plural = if count == 1 { "" } else { "s" };
    let harvesters = counted(config.harvesters.len(), "harvester");
    let transforms = counted(config.transforms.len(), "transform");
    write_out(&format!(
        "{name}: ok ({count} migration{plural}, table {table}{harvesters}{transforms})\n"
    ))
}

/// How many there are, to go on a list; nothing if there are none.
fn counted(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!(", 1 {what}"),
        many => format!(", {many} {what}s"),
    }
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
