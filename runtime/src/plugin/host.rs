//! All plugins of a configuration: loaded before the service starts, stopped with it.

use crate::domain::PluginKind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::harvester::WasmHarvester;
use super::transform::WasmTransform;
use super::watch::ComponentWatch;
use super::{BadGrant, CallError, Engine, EngineError, LoadError, Loaded, PluginSetup};
use crate::config::{Config, HarvesterConfig, PluginConfig};
use crate::harvest::{Feed, Harvester, Supervised, Threads};
use crate::metrics::{HarvesterMetrics, Metrics, PluginMetrics};
use crate::pipeline::{Ingestor, Link, Transform};

/// A start that takes longer says why.
const SILENCE: Duration = Duration::from_secs(2);

/// The plugins of a running service.
#[derive(Debug)]
pub struct Plugins {
    links: Vec<Link>,
    harvesters: Vec<Loading>,
    reload: Arc<Notify>,
    /// Ends with the service.
    watching: JoinSet<()>,
    running: JoinSet<()>,
    /// What computes has threads of its own, so that the system shares the cores between requests, the transforms that
    /// they wait for, and harvesters.
    harvester_threads: Threads,
    _transform_threads: Threads,
}

/// A harvester that is ready to run.
#[derive(Debug)]
struct Loading {
    setup: Arc<PluginSetup>,
    restart: crate::config::Restart,
    loaded: watch::Receiver<Arc<Loaded>>,
    metrics: HarvesterMetrics,
}

/// Why the plugins can't start. The configuration, or what it names, must be mended.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// There is no engine to run them.
    #[error("cannot start the plugin engine")]
    Engine(#[from] EngineError),
    /// A component can't be loaded, or is of the other kind.
    #[error("plugin `{plugin}`")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// Why.
        source: LoadError,
    },
    /// A grant can't be understood.
    #[error(transparent)]
    Grant(#[from] BadGrant),
    /// A transform that does not take its configuration, or traps at once.
    #[error("transform `{plugin}` does not start")]
    Start {
        /// Its name.
        plugin: String,
        /// Why.
        source: CallError,
    },
    /// The system gives no threads.
    #[error("cannot start threads for plugins")]
    Threads(#[source] std::io::Error),
}

impl Plugins {
    /// Loads every component and starts the transforms; none when the configuration has no plugins.
    ///
    /// # Errors
    /// The first plugin that can't be used, so that nothing is lost to it.
    pub async fn load(config: &Config, all_metrics: &Metrics) -> Result<Option<Self>, PluginError> {
        if config.transforms.is_empty() && !config.harvesters.iter().any(HarvesterConfig::is_wasm) {
            return Ok(None);
        }
        let engine = Engine::start(&config.plugin_cache_dir(), config.plugins.stack_size)?;
        let reload = Arc::new(Notify::new());
        let threads = |name| Threads::start(name).map_err(PluginError::Threads);
        let (transform_threads, harvester_threads) = (threads("transform")?, threads("harvester")?);
        let mut components = ComponentWatch::new(engine, Arc::clone(&reload));
        let mut links = Vec::new();
        for transform in &config.transforms {
            let plugin = &transform.plugin;
            let (loaded, moved) = load(components, plugin, PluginKind::Transform).await?;
            components = moved;
            let metrics = counters(all_metrics, plugin, PluginKind::Transform);
            let setup = PluginSetup::counted(plugin, PluginKind::Transform, metrics)?;
            let starting = WasmTransform::start(setup, transform.on_failure, loaded);
            let started = transform_threads.handle().spawn(starting).await;
            let started = started.unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
            let transform_plugin: Arc<dyn Transform> = match started {
                Ok(started) => Arc::new(started),
                Err(source) => {
                    return Err(PluginError::Start { plugin: plugin.name.clone(), source });
                }
            };
            links.push(Link { transform: transform_plugin, sources: transform.sources.clone() });
        }
        let mut harvesters = Vec::new();
        for harvester in config.harvesters.iter().filter_map(HarvesterConfig::wasm) {
            let plugin = &harvester.plugin;
            let (loaded, moved) = load(components, plugin, PluginKind::Harvester).await?;
            components = moved;
            let metrics = counters(all_metrics, plugin, PluginKind::Harvester);
            let setup = PluginSetup::counted(plugin, PluginKind::Harvester, metrics)?;
            let restart = harvester.restart;
            let runs = &setup.metrics.runs;
            let metrics = all_metrics.harvester(&plugin.name, "wasm", Some(runs));
            harvesters.push(Loading { setup, restart, loaded, metrics });
        }
        let mut watching = JoinSet::new();
        watching.spawn(components.run());
        let running = JoinSet::new();
        Ok(Some(Self {
            links,
            harvesters,
            reload,
            watching,
            running,
            harvester_threads,
            _transform_threads: transform_threads,
        }))
    }

    /// The transforms, in the order of the configuration.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Starts the harvesters. They run until `stopping` is cancelled.
    pub fn start_harvesters(&mut self, ingestor: &Arc<Ingestor>, stopping: &CancellationToken) {
        for Loading { setup, restart, loaded, metrics } in self.harvesters.drain(..) {
            let (renewals, runs) = (loaded.clone(), metrics.runs.clone());
            let feed = Feed::new(Arc::clone(ingestor), metrics);
            let harvester = WasmHarvester::new(setup, loaded, feed);
            let supervised = Supervised {
                harvester: Arc::new(harvester) as Arc<dyn Harvester>,
                restart,
                runs,
                renewals,
                stopping: stopping.clone(),
            };
            self.running.spawn_on(supervised.run(), self.harvester_threads.handle());
        }
    }

    /// Loads all components again, changed or not.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Waits for the harvesters, which have been asked to end. Those that don't are cut off. Transforms work on: requests
    /// in flight need them.
    pub async fn stop_harvesters(&mut self, grace: Duration) {
        let ended = async { while self.running.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            warn!(harvesters = self.running.len(), "cut off after the grace period");
            self.running.abort_all();
        }
        self.watching.abort_all();
    }
}

/// Loads every component without running it. Blocks, for seconds if they have to be compiled.
///
/// # Errors
/// Every plugin that can't be used; there is at least one.
pub fn check_components(config: &Config) -> Result<(), Vec<PluginError>> {
    let transforms =
        config.transforms.iter().map(|transform| (&transform.plugin, PluginKind::Transform));
    let harvesters = config.harvesters.iter().filter_map(HarvesterConfig::wasm);
    let harvesters = harvesters.map(|harvester| (&harvester.plugin, PluginKind::Harvester));
    let mut plugins = transforms.chain(harvesters).peekable();
    if plugins.peek().is_none() {
        return Ok(());
    }
    let engine = Engine::start(&config.plugin_cache_dir(), config.plugins.stack_size)
        .map_err(|error| vec![error.into()])?;
    let problems: Vec<_> =
        plugins.filter_map(|(plugin, kind)| check(&engine, plugin, kind).err()).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check(engine: &Arc<Engine>, plugin: &PluginConfig, kind: PluginKind) -> Result<(), PluginError> {
    PluginSetup::new(plugin, kind)?;
    let path = &plugin.component;
    let loaded = engine.load(path).and_then(|loaded| loaded.expect(kind, path));
    loaded.map_err(|source| PluginError::Load { plugin: plugin.name.clone(), source })
}

/// Loads a plugin's component off the async threads: compiling takes up to seconds.
async fn load(
    mut components: ComponentWatch,
    plugin: &PluginConfig,
    expected: PluginKind,
) -> Result<(watch::Receiver<Arc<Loaded>>, ComponentWatch), PluginError> {
    let (plugin, path) = (plugin.name.clone(), plugin.component.clone());
    let component = path.display().to_string();
    let mut loading = tokio::task::spawn_blocking(move || {
        let loaded = components.load(&path).and_then(|loaded| {
            loaded.borrow().expect(expected, &path)?;
            Ok(loaded)
        });
        (loaded, components)
    });
    let loaded = if let Ok(loaded) = timeout(SILENCE, &mut loading).await {
        loaded
    } else {
        info!(plugin, component, "compiling; the next start takes it from the cache");
        loading.await
    };
    let (loaded, components) = loaded.unwrap_or_else(|panic| resume_unwind(panic.into_panic()));
    match loaded {
        Ok(loaded) => {
            info!(plugin, component, "{expected} loaded");
            Ok((loaded, components))
        }
        Err(source) => Err(PluginError::Load { plugin, source }),
    }
}

fn counters(metrics: &Metrics, plugin: &PluginConfig, kind: PluginKind) -> PluginMetrics {
    metrics.plugin(&plugin.name, kind, &plugin.component.display().to_string())
}
