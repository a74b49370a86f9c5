//! `loglite import`: files into the table, once, while no service runs.

mod display;
mod summary;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;

use self::display::Display;
use self::summary::Summary;
use super::ConfigFile;
use super::line_arguments::LineArguments;
use super::stop::Stop;
use crate::app::StartError;
use crate::app::import::{
    ImportError, ImportInput, ImportOptions, Imported, Importer, Progress, dry_run,
};
use crate::app::telemetry::LogFormat;
use crate::config::{Config, read_source};
use crate::store::StoreError;

/// The arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "\
A file is known again by its content: what was imported before is left out, what has grown goes on, and an import that \
was cut off, however it was, is finished by the same command, each line once. Standard input is read as it comes, and \
begins anew each time.\n\
Lines that are no entries, and entries that the table refuses, become dead letters.\n\
Exit codes: 0 all of it is stored, 1 some became dead letters or could not be read, 2 the arguments or the \
configuration are wrong, 130 interrupted.")]
pub(crate) struct Import {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    line: LineArguments,
    /// The source of the entries, by which transforms and dead letters know them
    #[arg(long, value_name = "NAME", default_value = "import")]
    source: String,
    /// Import files that were imported before once more
    #[arg(long)]
    again: bool,
    /// Store nothing: tell what would be an entry, and how fast lines are read
    #[arg(long)]
    dry_run: bool,
    /// Files, plain, gzip or zstd; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    inputs: Vec<PathBuf>,
}

/// What is to be done, read from the arguments.
struct Job {
    config: Config,
    inputs: Vec<ImportInput>,
    options: ImportOptions,
}

impl Import {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let line = self.line.read()?;
        let source = read_source(&self.source)?;
        let config = self.file.load(format)?;
        let inputs = self.inputs.into_iter().map(input).collect();
        let options = ImportOptions { source: source.as_str().into(), line, again: self.again };
        let job = Job { config, inputs, options };
        let runtime = crate::cli::async_runtime()?;
        let outcome = runtime.block_on(async {
            let stop = Stop::on_signals().context("cannot listen for signals")?;
            let mut summary = Summary::new(self.dry_run, self.file.path(), &source);
            summary.goes_on =
                !self.dry_run && job.inputs.iter().any(|one| *one != ImportInput::Stdin);
            let begun = Instant::now();
            let failure = if self.dry_run {
                job.try_out(&stop, &mut summary, out).await.err()
            } else {
                job.import(&stop, &mut summary, out).await.err()
            };
            summary.tell(begun.elapsed(), stop.code(), out)?;
            match failure {
                Some(error) => Err(error),
                None => Ok(summary.exit_code(stop.code())),
            }
        });
        // A read that does not return, of a terminal for example, is left behind.
        runtime.shutdown_background();
        outcome
    }
}

impl Job {
    async fn import(
        self,
        stop: &Stop,
        summary: &mut Summary,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let mut importer = Importer::open(self.config, self.options).await.map_err(explained)?;
        let display = Display::start(&self.inputs, importer.progress());
        let mut outcome = Ok(());
        for input in &self.inputs {
            match importer.import(input, &stop.token).await {
                Ok(imported) => outcome = display.aside(|| summary.add(imported, out)),
                Err(error) => outcome = Err(error.into()),
            }
            if outcome.is_err() || stop.token.is_cancelled() {
                break;
            }
        }
        summary.bytes = importer.progress().bytes() - importer.progress().skipped();
        display.end();
        importer.close().await;
        outcome
    }

    async fn try_out(
        self,
        stop: &Stop,
        summary: &mut Summary,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let progress = Arc::new(Progress::default());
        let display = Display::start(&self.inputs, &progress);
        for input in &self.inputs {
            let what = (&self.options.line, &self.config);
            let imported: Imported = dry_run(what, input, &progress, &stop.token).await;
            display.aside(|| summary.add(imported, out))?;
            if stop.token.is_cancelled() {
                break;
            }
        }
        summary.bytes = progress.bytes();
        display.end();
        Ok(())
    }
}

fn input(path: PathBuf) -> ImportInput {
    if path.as_os_str() == "-" { ImportInput::Stdin } else { ImportInput::File(path) }
}

/// What to do instead while a service runs on the database.
fn explained(error: ImportError) -> anyhow::Error {
    let is_in_use =
        matches!(&error, ImportError::Start(StartError::Store(StoreError::InUse { .. })));
    match error {
        ImportError::Start(error) if is_in_use => anyhow::Error::from(error).context(
            "cannot import beside a running service; stop it, or let it read the files by a harvester of `type: \
             file` with `start: beginning`, or send the lines to POST /logs",
        ),
        ImportError::Start(error) => error.into(),
        error => error.into(),
    }
}
