//! The one wasmtime engine: how components are compiled, where compiled ones are kept, and the clock that interrupts
//! them.

use crate::domain::PluginKind;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Cache, CacheConfig, Config, EngineWeak};

use crate::domain::ByteSize;

use super::guest::Guest;
use super::{imports, wasi};

/// How often a computing plugin is looked at.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// What host functions need of a plugin's stack, beyond what the plugin may use.
const HOST_STACK: usize = 512 << 10;

/// The stack of a plugin is at least this large: less does not hold what toolchains put there.
const MIN_STACK: usize = 64 << 10;

/// The cache removes what was not used for longest beyond this.
const CACHE_BYTES: u64 = 1 << 30;
const CACHE_FILES: u64 = 1_000;

/// Compiles and runs components. A thread of its own ticks until the last handle is gone.
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) cache: Cache,
    harvesters: Linker<Guest>,
    transforms: Linker<Guest>,
    ticker: Option<Ticker>,
}

/// Why no plugin can run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The directory for compiled components is unusable.
    #[error("can't use the directory `{}` for compiled plugins", path.display())]
    CacheDir {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Others could put code there that loglite would run.
    #[error(
        "the directory `{}` for compiled plugins can be written to by others: it must belong to the user that \
         loglite runs as, with mode 700",
        path.display()
    )]
    OpenCacheDir {
        /// The directory.
        path: PathBuf,
    },
    /// WebAssembly can't run here.
    #[error("can't start the WebAssembly engine: {0}")]
    Wasmtime(String),
}

struct Ticker {
    /// Dropping it ends the thread.
    end: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Engine {
    /// Starts the engine. `cache_dir` is made if it is not there; `stack` is what a plugin's calls may nest in.
    ///
    /// # Errors
    /// [`EngineError`] when the directory is unusable, or unsafe, or WebAssembly can't run on this machine.
    pub fn start(cache_dir: &Path, stack: ByteSize) -> Result<Arc<Self>, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Wasmtime(format!("{error:#}"));
        let cache = open_cache(&private_directory(cache_dir)?).map_err(failed)?;
        let config = config(&cache, stack.as_usize().max(MIN_STACK));
        let wasmtime = wasmtime::Engine::new(&config).map_err(failed)?;
        let transforms = linker(&wasmtime, PluginKind::Transform).map_err(failed)?;
        let harvesters = linker(&wasmtime, PluginKind::Harvester).map_err(failed)?;
        let ticker = Ticker::start(wasmtime.weak())
            .map_err(|error| EngineError::Wasmtime(format!("no thread for its clock: {error}")))?;
        Ok(Arc::new(Self { wasmtime, cache, harvesters, transforms, ticker: Some(ticker) }))
    }

    pub(super) fn linker(&self, kind: PluginKind) -> &Linker<Guest> {
        match kind {
            PluginKind::Harvester => &self.harvesters,
            PluginKind::Transform => &self.transforms,
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("cache", self.cache.directory()).finish_non_exhaustive()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Ticker { end, thread }) = self.ticker.take() {
            drop(end);
            if thread.join().is_err() {
                tracing::error!("the clock of the plugins has failed");
            }
        }
    }
}

impl Ticker {
    fn start(engine: EngineWeak) -> io::Result<Self> {
        let (end, ended) = sync_channel::<()>(0);
        let tick = move || {
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("plugin-ticks".into()).spawn(tick)?;
        Ok(Self { end, thread })
    }
}

fn config(cache: &Cache, stack: usize) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK))
        .cache(Some(cache.clone()));
    config
}

fn linker(engine: &wasmtime::Engine, kind: PluginKind) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker)?;
    imports::add_to_linker(&mut linker, kind)?;
    Ok(linker)
}

fn open_cache(directory: &Path) -> wasmtime::Result<Cache> {
    let mut config = CacheConfig::new();
    config
        .with_directory(directory)
        .with_files_total_size_soft_limit(CACHE_BYTES)
        .with_file_count_soft_limit(CACHE_FILES);
    Cache::new(config)
}

/// What lies in the directory is run as native code: nobody else may write there.
fn private_directory(path: &Path) -> Result<PathBuf, EngineError> {
    let failed = |source| EngineError::CacheDir { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let absolute = fs::canonicalize(path).map_err(failed)?;
    let metadata = fs::metadata(&absolute).map_err(failed)?;
    let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
    if !is_ours || metadata.mode() & 0o022 != 0 {
        return Err(EngineError::OpenCacheDir { path: absolute });
    }
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_cache_is_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let engine = Engine::start(&path, ByteSize(1 << 20)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        drop(engine);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Engine::start(&path, ByteSize(1 << 20)).unwrap_err();
        assert!(matches!(error, EngineError::OpenCacheDir { .. }));
    }

    #[test]
    fn the_clock_ticks_while_the_engine_lives() {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::start(home.path(), ByteSize(1 << 20));
        // The directory that `tempfile` makes is private already.
        let engine = engine.unwrap();
        let weak = engine.wasmtime.weak();
        drop(engine);
        assert!(weak.upgrade().is_none());
    }
}
