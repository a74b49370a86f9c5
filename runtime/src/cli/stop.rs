//! Ctrl-C and SIGTERM for commands that end in order when asked to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The command stops when this is cancelled, and ends with the code of the signal that did it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    pub(super) token: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Stop {
    /// Stops at the first SIGINT or SIGTERM; at the second one the process exits, which leaves nothing half done. Called
    /// within an async runtime, which must go on.
    pub(super) fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stopped = stop.clone();
        tokio::spawn(async move {
            loop {
                let code = tokio::select! {
                    _ = interrupt.recv() => 128 + 2,
                    _ = terminate.recv() => 128 + 15,
                };
                if stopped.token.is_cancelled() {
                    std::process::exit(code.into());
                }
                stopped.code.store(code, Ordering::SeqCst);
                stopped.token.cancel();
            }
        });
        Ok(stop)
    }

    /// That by which shells know the signal.
    pub(super) fn code(&self) -> Option<u8> {
        Some(self.code.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }
}
