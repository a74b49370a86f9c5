//! One sandbox of a harvester.

use crate::domain::PluginKind;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime_wasi::I32Exit;

use super::bindings::harvester::HarvesterPlugin;
use super::guest::Guest;
use super::instance::{Bounds, Interrupted, run};
use super::load::Program;
use super::{CallError, Door, Engine, Loaded, PluginSetup};

/// An instance of a harvester, not yet running.
pub struct HarvesterInstance {
    store: Store<Guest>,
    plugin: HarvesterPlugin,
    /// Keeps the clock ticking.
    _engine: Arc<Engine>,
}

impl HarvesterInstance {
    /// Instantiates, within `limits.start_time`. `stopping` is what its `lifecycle.stopping` says.
    ///
    /// # Errors
    /// [`CallError`] when it can't be started.
    pub async fn start(
        loaded: &Loaded,
        setup: &Arc<PluginSetup>,
        door: Arc<dyn Door>,
        stopping: CancellationToken,
    ) -> Result<Self, CallError> {
        let Program::Harvester(pre) = &loaded.program else {
            return Err(CallError::Failed(format!(
                "it is a {}, not a harvester",
                PluginKind::Transform
            )));
        };
        let mut store = Guest::store(&loaded.engine, setup, Some(door), stopping)?;
        let bounds = Bounds::start(setup);
        let started = run(&mut store, bounds, |store| pre.instantiate_async(store)).await;
        let plugin = started.map_err(|error| error.explain(&store, bounds))?;
        Ok(Self { store, plugin, _engine: Arc::clone(&loaded.engine) })
    }

    /// Runs until the harvester returns. Dropping the future ends it at once, whatever it waits for.
    ///
    /// # Errors
    /// [`CallError`]; with [`CallError::BadConfig`] another start would end the same way.
    pub async fn run(mut self) -> Result<(), CallError> {
        let setup = Arc::clone(&self.store.data().setup);
        let bounds = Bounds {
            cpu: setup.limits.cpu_per_call,
            cpu_key: "limits.cpu_per_call",
            time: None,
            time_key: "limits.time_per_call",
            what: "its call",
        };
        let harvester = self.plugin.loglite_plugin_harvester();
        let config = setup.config_json.as_str();
        match run(&mut self.store, bounds, |store| harvester.call_run(store, config)).await {
            Ok(answer) => Ok(answer?),
            // A program that exits has run, too.
            Err(Interrupted::Error(error)) if is_success(&error) => Ok(()),
            Err(error) => Err(error.explain(&self.store, bounds)),
        }
    }

    /// The size of its memories. It never shrinks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory()
    }
}

impl std::fmt::Debug for HarvesterInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HarvesterInstance")
            .field("plugin", &self.store.data().setup.name)
            .finish_non_exhaustive()
    }
}

fn is_success(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<I32Exit>().is_some_and(|exit| exit.0 == 0)
}
