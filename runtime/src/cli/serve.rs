//! `loglite serve`: runs the service until a signal ends it.

use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::app::Service;
use crate::config::Config;

/// More threads for HTTP than this gain nothing: the writer is the bottleneck.
const MAX_HTTP_THREADS: usize = 4;
/// Threads for queries and large bodies.
const MAX_BLOCKING_THREADS: usize = 32;

/// Serves until SIGTERM or SIGINT, then stops in order. A second signal exits at once.
///
/// # Errors
/// What keeps the service from starting.
pub fn run(config: Config, config_name: &str) -> anyhow::Result<ExitCode> {
    // The writer has a core of its own where there are several.
    let cores = available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.saturating_sub(1).clamp(1, MAX_HTTP_THREADS))
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::new().context("cannot listen for signals")?;
        let service = Service::start(config).await?;
        greet(&service, config_name);
        signals.next().await;
        tokio::spawn(async move {
            let code = signals.next().await;
            warn!("second signal: exiting at once");
            std::process::exit(code);
        });
        service.stop().await;
        Ok(ExitCode::SUCCESS)
    });
    // A query that is still running is cut off.
    runtime.shutdown_background();
    outcome
}

/// Says where the service listens and how to send a first entry.
fn greet(service: &Service, config_name: &str) {
    let address = service.address();
    let (table, columns) = (service.schema().table(), service.schema().names().join(", "));
    info!(config = config_name, table, columns, "ready");
    info!(%address, "listening on http://{address}");
    info!(
        "send a first log with: curl http://{address}/logs -d '{{\"message\": \"hello\"}}'   read it with: curl http://{address}/logs"
    );
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for a signal; returns the exit code by which shells know it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => 128 + 15,
            _ = self.interrupt.recv() => 128 + 2,
        }
    }
}
