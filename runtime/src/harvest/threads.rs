//! Threads of their own for what computes much.

use tokio::runtime::{Handle, Runtime};

/// More threads than this for one purpose would only take them from the rest of the service.
const MAX_THREADS: usize = 4;

/// A runtime that may be dropped by an async task: what still runs is cut off.
#[derive(Debug)]
pub struct Threads(Option<Runtime>);

impl Threads {
    /// Starts as many as there are cores, at most 4, under this name.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(name: &str) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(MAX_THREADS))
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Where to spawn tasks on them.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is taken only when it is dropped").handle()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
