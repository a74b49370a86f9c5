//! The command line: arguments, exit codes, and how errors are printed. Each command has a file.
//!
//! Exit codes: 0 done, 1 failed, 2 the arguments or the configuration are wrong.

mod completions;
mod compress;
mod config;
mod dead_letters;
mod decompress;
mod delete;
mod import;
mod line_arguments;
mod migrate;
mod pipe;
mod plugin;
mod progress;
mod recode;
mod serve;
mod stats;
mod stop;
mod units;
mod vacuum;

use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::Level;

use self::completions::Completions;
use self::compress::Compress;
use self::dead_letters::DeadLettersCommand;
use self::decompress::Decompress;
use self::delete::Delete;
use self::import::Import;
use self::migrate::MigrateCommand;
use self::pipe::PipeCommand;
use self::plugin::PluginCommand;
use self::stats::Stats;
use crate::app::StartError;
use crate::app::telemetry::{self, LogFormat, TelemetryError};
use crate::config::{Config, ConfigErrors, environment};
use crate::http::ClientError;
use crate::plugin::BadGrant;
use crate::store::StoreError;
use crate::store::recode::RecodeError;

const FAILURE: u8 = 1;
const USAGE: u8 = 2;

/// Stores structured logs in SQLite, answers queries over HTTP, and streams new entries live.
#[derive(Debug, Parser)]
#[command(
    name = "loglite",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 the arguments or the configuration are wrong.\n\
        Environment: LOGLITE_<KEY> overrides a key of the configuration, LOGLITE_LOG the log level."
)]
struct Cli {
    /// How loglite writes its own log, to standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(ConfigFile),
    /// Run the service (the earlier generations' spelling: `loglite server run`)
    #[command(subcommand)]
    Server(ServerCommand),
    /// Change the database's schema, or see where it stands
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Read files into the table, each line once, while no service runs
    Import(Import),
    /// Store what a command writes while it goes on to standard output: `some-service | loglite pipe`
    Pipe(PipeCommand),
    /// Store a column's values once and their numbers in the rows, for the rows that are there
    Compress(Compress),
    /// Put a compressed column's values back into the rows
    Decompress(Decompress),
    /// Rewrite the database so that it takes no more disk than it needs, while no service runs
    Vacuum(ConfigFile),
    /// Write, check, try and measure plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at entries that could not be stored, put them back, or delete them
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Delete rows by a filter, also while a service runs: `loglite delete 'level==DEBUG'`
    Delete(Delete),
    /// Show what takes how much space, how much is written, and where compression would pay
    Stats(Stats),
    /// Look at a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a script that completes loglite's arguments in a shell
    Completions(Completions),
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// The same as `loglite serve`
    Run(ConfigFile),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Report every problem of the configuration at once; plugins are loaded, not started
    Check(ConfigFile),
    /// Print the configuration in effect, environment included
    Show(ConfigFile),
}

/// Which configuration a command works with.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; without it, the built-in configuration
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

/// The async threads of a command that works beside a terminal.
fn async_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().context("cannot start the async runtime")
}

/// What the user must do differently for the command to go on.
#[derive(Debug, thiserror::Error)]
enum UsageError {
    #[error(
        "a rollback deletes what its migration made, so it asks first, and there is no terminal to ask; pass `--force` to go on without"
    )]
    NobodyToAsk,
    #[error(
        "deleted rows can't be brought back, so it asks first, and there is no terminal to ask; pass `--yes` to go on without, or `--dry-run` to see what it would delete"
    )]
    NobodyToAskToDelete,
    #[error(
        "`{name}` is no name for a plugin; it begins with a letter and has up to 64 lower-case letters, digits and single hyphens, such as `drop-below`"
    )]
    PluginName { name: String },
    #[error(
        "`{name}` is a word of the tools that build plugins; give the plugin another name, such as `my-{name}`"
    )]
    TakenName { name: String },
    #[error("{file} has no plugin `{name}`; there is: {known}")]
    NoSuchPlugin { name: String, file: String, known: String },
    #[error(
        "`--entries` and `--checkpoint` are for harvesters, and this is a transform: it ends with its input"
    )]
    ForHarvesters,
}

/// Runs the command that the process's arguments name. What fails is printed to standard error, once.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.run(cli.log_format) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, cli.log_format);
            ExitCode::from(exit_code(&error))
        }
    }
}

impl Command {
    fn run(self, format: LogFormat) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(file) | Self::Server(ServerCommand::Run(file)) => {
                return serve::run(file.load(format)?, &file.name());
            }
            Self::Migrate(command) => return command.run(format, &mut stdout().lock()),
            Self::DeadLetters(command) => return command.run(format, &mut stdout().lock()),
            Self::Delete(delete) => return delete.run(format, &mut stdout().lock()),
            Self::Pipe(pipe) => return pipe.run(format),
            Self::Import(import) => return import.run(format, &mut stdout().lock()),
            Self::Stats(stats) => return stats.run(format, &mut stdout().lock()),
            Self::Compress(compress) => return compress.run(format, &mut stdout().lock()),
            Self::Decompress(decompress) => return decompress.run(format, &mut stdout().lock()),
            Self::Plugin(command) => return command.run(format),
            Self::Vacuum(file) => vacuum::run(&file.load(format)?, &mut stdout().lock())?,
            Self::Config(ConfigCommand::Check(file)) => config::check(file.path())?,
            Self::Config(ConfigCommand::Show(file)) => config::show(file.path())?,
            Self::Completions(completions) => completions.run(&mut stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ConfigFile {
    /// Loads the configuration and starts logging as it says.
    fn load(&self, format: LogFormat) -> anyhow::Result<Config> {
        let config = Config::load(self.path(), environment())?;
        let level = if config.debug { Level::DEBUG } else { Level::INFO };
        telemetry::init(format, level)?;
        Ok(config)
    }

    fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "built-in".to_owned(), |path| path.display().to_string())
    }
}

impl ValueEnum for LogFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Human, Self::Json]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Human => PossibleValue::new("human"),
            Self::Json => PossibleValue::new("json"),
        })
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let store = error.downcast_ref::<StoreError>().or_else(|| match error.downcast_ref() {
        Some(StartError::Store(error)) => Some(error),
        _ => None,
    });
    let is_usage = error.is::<ConfigErrors>()
        || error.is::<TelemetryError>()
        || error.is::<UsageError>()
        || error.is::<BadGrant>()
        || matches!(error.downcast_ref(), Some(ClientError::Url(_) | ClientError::AnyPort))
        || error.is::<config::UnusableComponents>()
        || error.downcast_ref().is_some_and(RecodeError::is_usage)
        || matches!(error.downcast_ref(), Some(StartError::Plugin(_)))
        || store.is_some_and(StoreError::is_configuration);
    if is_usage { USAGE } else { FAILURE }
}

/// A reader of our output that has seen enough, such as `head`, is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Prints the error with its causes: as a log line where logs are JSON, else as text.
fn report(error: &anyhow::Error, format: LogFormat) {
    if format == LogFormat::Json && telemetry::init(format, Level::INFO).is_ok() {
        tracing::error!(error = format!("{error:#}"), "loglite failed");
        return;
    }
    // The problems of a configuration begin with `file:line:column`, by which editors find them.
    let label = if error.is::<ConfigErrors>() { "" } else { "error: " };
    // When standard error is gone, the exit code has to say it.
    if writeln!(stderr(), "{label}{error:#}").is_err() {}
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_earlier_spelling_of_serve_still_works() {
        let cli = Cli::try_parse_from(["loglite", "server", "run", "-c", "config.yaml"])
            .expect("accepted");
        let Command::Server(ServerCommand::Run(file)) = cli.command else { panic!("{cli:?}") };
        assert_eq!(file.name(), "config.yaml");
    }

    #[test]
    fn the_log_format_may_stand_anywhere() {
        for args in [
            ["loglite", "--log-format", "json", "serve"],
            ["loglite", "serve", "--log-format", "json"],
        ] {
            assert_eq!(Cli::try_parse_from(args).expect("accepted").log_format, LogFormat::Json);
        }
    }

    #[test]
    fn what_the_configuration_can_mend_exits_with_2() {
        let misspelt = || StoreError::UnknownPragma { name: "x".into(), nearest: None };
        assert_eq!(exit_code(&misspelt().into()), USAGE);
        assert_eq!(exit_code(&StartError::Store(misspelt()).into()), USAGE);
        assert_eq!(exit_code(&UsageError::NobodyToAsk.into()), USAGE);
        assert_eq!(exit_code(&StoreError::NotApplied { version: 1 }.into()), FAILURE);
    }
}
