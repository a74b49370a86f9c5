//! `loglite serve`: runs the service until a signal ends it.

use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::{Context, anyhow};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::app::Service;
use crate::config::Config;
use crate::domain::{Column, Kind, Schema};

/// More threads for HTTP than this gain nothing: the writer is the bottleneck.
const MAX_HTTP_THREADS: usize = 4;
/// Threads for queries and large bodies.
const MAX_BLOCKING_THREADS: usize = 32;

/// Serves until SIGTERM or SIGINT, then stops in order. A second signal, or one before the service is ready, exits at
/// once. SIGHUP loads the plugins' components again.
///
/// # Errors
/// What keeps the service from starting.
pub(super) fn run(config: Config, config_name: &str) -> anyhow::Result<ExitCode> {
    let runtime = async_runtime().context("cannot start the async runtime")?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot listen for signals")?;
        // What a migration under way has done so far is rolled back with its transaction.
        let service = tokio::select! {
            service = Service::start(config) => service?,
            code = signals.stop() => {
                warn!("signal before the service was ready: exiting at once");
                return Ok(ExitCode::from(code));
            }
        };
        greet(&service, config_name);
        let outcome = loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    Received::Reload => service.reload_plugins(),
                    Received::Stop(_) => break Ok(ExitCode::SUCCESS),
                },
                () = service.failed() => {
                    break Err(anyhow!("the writer has ended early; the log above says why"));
                }
            }
        };
        tokio::spawn(async move {
            let code = signals.stop().await;
            warn!("second signal: exiting at once");
            std::process::exit(code.into());
        });
        service.stop().await;
        outcome
    });
    // A query that is still running is cut off.
    runtime.shutdown_background();
    outcome
}

/// The writer has a core of its own where there are several. One HTTP thread alone needs no work stealing, which
/// also lets requests that arrive together be committed together.
fn async_runtime() -> std::io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut builder = match cores.saturating_sub(1).min(MAX_HTTP_THREADS) {
        0 | 1 => Builder::new_current_thread(),
        threads => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    builder.max_blocking_threads(MAX_BLOCKING_THREADS).thread_name("http").enable_all().build()
}

/// Says where the service listens and how to send a first entry.
fn greet(service: &Service, config_name: &str) {
    let address = service.address();
    let (table, columns) = (service.schema().table(), service.schema().names().join(", "));
    info!(config = config_name, table, columns, "ready");
    info!(%address, "listening on http://{address}");
    let entry = sample_entry(service.schema());
    info!("send a first log with: curl http://{address}/logs -d '{entry}'");
    info!("read it with: curl http://{address}/logs");
}

/// An entry with all that the table insists on.
fn sample_entry(schema: &Schema) -> serde_json::Value {
    let ids = schema.ids().filter(|id| schema.is_writable(*id));
    let columns = ids.map(|id| schema.column(id));
    let timestamp = schema.column(schema.timestamp());
    let required =
        |column: &&Column| column.name == "message" || (column.not_null && !column.has_default);
    let sample = |column: &Column| match (column.kind, column.name.as_str()) {
        (Kind::Integer | Kind::Number | Kind::Boolean, _) => 1.into(),
        (Kind::Datetime, _) => jiff::Timestamp::now().to_string().into(),
        (_, name) if name == timestamp.name => jiff::Timestamp::now().to_string().into(),
        (Kind::Json, _) => serde_json::json!({}),
        (_, "level") => "INFO".into(),
        _ => "hello".into(),
    };
    columns.filter(required).map(|column| (column.name.clone(), sample(column))).collect()
}

/// What a signal asks for.
enum Received {
    /// SIGTERM or SIGINT, with the exit code by which shells know it.
    Stop(u8),
    /// SIGHUP: load the plugins' components again.
    Reload,
}

/// SIGTERM, SIGINT, and SIGHUP.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal.
    async fn next(&mut self) -> Received {
        tokio::select! {
            _ = self.terminate.recv() => Received::Stop(128 + 15),
            _ = self.interrupt.recv() => Received::Stop(128 + 2),
            _ = self.hang_up.recv() => Received::Reload,
        }
    }

    /// Waits for a signal to stop; returns the exit code by which shells know it.
    pub(super) async fn stop(&mut self) -> u8 {
        loop {
            if let Received::Stop(code) = self.next().await {
                return code;
            }
        }
    }
}
