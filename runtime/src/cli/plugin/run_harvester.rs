//! `loglite plugin run` for a harvester: what it ingests becomes lines of standard output.

use std::fs;
use std::io::{self, ErrorKind, Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::component::Prepared;
use super::line::one_line;
use crate::domain::{Checkpoint, EntryText, Receipt, Refusal};
use crate::plugin::{Closed, Door, HarvesterInstance};

/// How long a harvester that is asked to end may take before it is cut off, as in the service.
const PATIENCE: Duration = Duration::from_secs(5);

/// What ends a harvester, and where it goes on.
#[derive(Debug)]
pub(super) struct HarvestOptions {
    pub(super) entries: Option<u64>,
    pub(super) checkpoint: Option<PathBuf>,
}

/// Prints what comes in.
#[derive(Debug)]
struct PrintingDoor {
    options: HarvestOptions,
    stopping: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    checkpoint: Option<Checkpoint>,
    calls: u64,
    printed: u64,
    refused: u64,
    /// What ended the printing.
    failure: Option<io::Error>,
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

/// Runs the harvester until it returns, a signal comes, or there are enough entries.
///
/// # Errors
/// What the harvester fails with, and failures to print or to keep the checkpoint.
pub(super) async fn run(prepared: &Prepared, options: HarvestOptions) -> anyhow::Result<ExitCode> {
    let name = &prepared.setup.name;
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let stopping = CancellationToken::new();
    let checkpoint = options.checkpoint.as_deref().map(read_checkpoint).transpose()?.flatten();
    let state = Mutex::new(State { checkpoint, ..State::default() });
    let door = Arc::new(PrintingDoor { options, stopping: stopping.clone(), state });
    let way_out = Arc::clone(&door) as Arc<dyn Door>;
    let instance =
        HarvesterInstance::start(&prepared.loaded, &prepared.setup, way_out, stopping.clone());
    let instance = instance.await.with_context(|| format!("harvester `{name}` does not start"))?;
    let run = tokio::spawn(instance.run());
    let abort = run.abort_handle();
    let outcome =
        async { run.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) };
    tokio::pin!(outcome);
    let ended = tokio::select! {
        ended = &mut outcome => Some(ended),
        () = asked_to_end(&stopping, &mut signals) => None,
    };
    let ended = match ended {
        Some(ended) => Some(ended),
        None => tokio::select! {
            ended = tokio::time::timeout(PATIENCE, &mut outcome) => ended.ok(),
            () = signals.next() => None,
        },
    };
    if ended.is_none() {
        abort.abort();
        writeln!(
            stderr(),
            "harvester `{name}` was cut off: it was asked to end and did not return"
        )?;
    }
    door.tell(name)?;
    match ended {
        Some(Err(error)) => Err(error).with_context(|| format!("harvester `{name}` failed")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Waits until the harvester is asked to end, by a signal or by the door.
async fn asked_to_end(stopping: &CancellationToken, signals: &mut Signals) {
    tokio::select! {
        () = stopping.cancelled() => {}
        () = signals.next() => stopping.cancel(),
    }
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Door for PrintingDoor {
    fn ingest(
        &self,
        entries: Vec<EntryText>,
        checkpoint: Option<Checkpoint>,
    ) -> BoxFuture<'_, Result<Receipt, Closed>> {
        async move {
            let mut state = self.state();
            if self.stopping.is_cancelled() {
                return Err(Closed);
            }
            state.calls += 1;
            self.print(&mut state, &entries, checkpoint).map_err(|failure| {
                state.failure = Some(failure);
                self.stopping.cancel();
                Closed
            })
        }
        .boxed()
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>> {
        async move { self.state().checkpoint.clone() }.boxed()
    }
}

impl PrintingDoor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints the entries, then keeps the checkpoint: one that is there covers what was printed.
    fn print(
        &self,
        state: &mut State,
        entries: &[EntryText],
        checkpoint: Option<Checkpoint>,
    ) -> io::Result<Receipt> {
        let mut receipt = Receipt::default();
        let mut out = stdout().lock();
        for (index, entry) in entries.iter().enumerate() {
            if self.options.entries.is_some_and(|most| state.printed >= most) {
                break;
            }
            match one_line(entry.as_str()) {
                Ok(line) => {
                    writeln!(out, "{line}")?;
                    state.printed += 1;
                    receipt.stored += 1;
                }
                Err(error) => {
                    writeln!(stderr(), "call {}, entry {index}: refused: {error}", state.calls)?;
                    state.refused += 1;
                    receipt.refused.push(Refusal { index, error });
                }
            }
        }
        out.flush()?;
        let is_whole = receipt.stored + receipt.refused.len() == entries.len();
        if let Some(checkpoint) = checkpoint.filter(|_| is_whole) {
            if let Some(path) = &self.options.checkpoint {
                write_checkpoint(path, &checkpoint)?;
            }
            state.checkpoint = Some(checkpoint);
        }
        if self.options.entries.is_some_and(|most| state.printed >= most) {
            self.stopping.cancel();
        }
        Ok(receipt)
    }

    /// The summary, or what ended the printing.
    fn tell(&self, name: &str) -> anyhow::Result<()> {
        let mut state = self.state();
        if let Some(failure) = state.failure.take() {
            return Err(failure.into());
        }
        let State { calls, printed, refused, .. } = &*state;
        writeln!(
            stderr(),
            "harvester `{name}` ingested {printed} entries in {calls} calls; {refused} were refused"
        )?;
        Ok(())
    }
}

/// None when there is no file yet.
fn read_checkpoint(path: &Path) -> anyhow::Result<Option<Checkpoint>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Checkpoint(bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the checkpoint {}", path.display()))
        }
    }
}

/// Replaces the file whole, so that a crash leaves the old one or the new one.
fn write_checkpoint(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let new = path.with_added_extension("new");
    let written = fs::write(&new, &checkpoint.0).and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot write the checkpoint {}: {error}", path.display()),
        )
    })
}
