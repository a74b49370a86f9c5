//! The plugin that a command is about: from arguments, or from a configuration file, to a loaded component.

use crate::domain::PluginKind;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tempfile::TempDir;
use tracing::Level;

use crate::app::telemetry::{self, LogFormat};
use crate::cli::UsageError;
use crate::config::{
    Config, HarvesterConfig, Origin, PluginConfig, PluginOptions, PluginsConfig, environment,
};
use crate::domain::ByteSize;
use crate::plugin::{Engine, Loaded, PluginSetup};

/// Which component, and how it is set up.
#[derive(Debug, Args)]
pub(super) struct Component {
    /// The component
    #[arg(value_name = "FILE", required_unless_present = "config_file")]
    file: Option<PathBuf>,
    /// Take the plugin as this configuration of loglite sets it up; `--name` says which
    #[arg(short = 'c', long, value_name = "FILE", requires = "name",
        conflicts_with_all = ["file", "config", "grant", "limit"])]
    config_file: Option<PathBuf>,
    /// The plugin's name in the configuration file
    #[arg(long, requires = "config_file")]
    name: Option<String>,
    /// The plugin's own configuration as JSON or YAML, or the file that holds it
    #[arg(long, value_name = "TEXT|@FILE")]
    config: Option<String>,
    /// What it may reach: env=NAME, dir=HOST:GUEST (for writing, too: dir=HOST:GUEST:rw),
    /// tcp=HOST:PORT, http=HOST or http=HOST:PORT; may be repeated
    #[arg(long, value_name = "GRANT")]
    grant: Vec<String>,
    /// What it may use, such as memory=128MB or cpu_per_call=1s; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    limit: Vec<String>,
    /// Where compiled components are kept; without it, in the user's cache
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

/// A plugin that is ready to make instances of.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) loaded: Arc<Loaded>,
    pub(super) setup: Arc<PluginSetup>,
    pub(super) path: PathBuf,
}

/// A place for compiled components. It goes with the value when it is a temporary one.
#[derive(Debug)]
pub(super) struct CacheDir {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

/// A plugin as its configuration file sets it up.
struct Configured {
    plugin: PluginConfig,
    kind: PluginKind,
    plugins: PluginsConfig,
    cache_dir: PathBuf,
}

impl Component {
    /// Loads the component and reads what is set up for it. What it logs goes to standard error from now on.
    ///
    /// # Errors
    /// What is wrong with the arguments, the configuration, or the component.
    pub(super) fn prepare(&self, format: LogFormat) -> anyhow::Result<Prepared> {
        let Some(configured) = self.configured(format)? else {
            telemetry::init(format, Level::INFO)?;
            let cache = CacheDir::new(self.cache_dir.clone())?;
            let stack = PluginsConfig::default().stack_size;
            return self.prepare_file(&start_engine(cache.path(), stack)?);
        };
        let path = configured.plugin.component.clone();
        let cache = self.cache_dir.clone().unwrap_or(configured.cache_dir);
        let loaded = start_engine(&cache, configured.plugins.stack_size)?.load(&path)?;
        anyhow::ensure!(
            loaded.kind == configured.kind,
            "{} is a {}, but the configuration names it as a {}; see `loglite plugin check`",
            path.display(),
            loaded.kind,
            configured.kind
        );
        let setup = PluginSetup::new(&configured.plugin, loaded.kind)?;
        Ok(Prepared { loaded, setup, path })
    }

    /// As [`Component::prepare`], with this engine. Of a configuration file its stack and its cache are left out.
    pub(super) fn prepare_with(
        &self,
        engine: &Arc<Engine>,
        format: LogFormat,
    ) -> anyhow::Result<Prepared> {
        let Some(configured) = self.configured(format)? else { return self.prepare_file(engine) };
        let path = configured.plugin.component.clone();
        let loaded = engine.load(&path)?;
        let setup = PluginSetup::new(&configured.plugin, loaded.kind)?;
        Ok(Prepared { loaded, setup, path })
    }

    fn prepare_file(&self, engine: &Arc<Engine>) -> anyhow::Result<Prepared> {
        let path = self.file.clone().unwrap_or_default();
        let loaded = engine.load(&path)?;
        let plugin = self.options(&path)?.read(loaded.kind)?;
        let setup = PluginSetup::new(&plugin, loaded.kind)?;
        Ok(Prepared { loaded, setup, path })
    }

    fn options(&self, path: &Path) -> anyhow::Result<PluginOptions> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let config = match self.config.as_deref().map(|text| (text, text.strip_prefix('@'))) {
            None => None,
            Some((text, None)) => Some((Origin::Option("--config"), text.to_owned())),
            Some((_, Some(file))) => {
                let text = fs::read_to_string(file).with_context(|| {
                    format!("cannot read {file}, which `--config` names after its `@`")
                })?;
                Some((Origin::File(file.into()), text))
            }
        };
        Ok(PluginOptions {
            name: stem.unwrap_or_else(|| "plugin".into()),
            component: path.to_owned(),
            config,
            grants: self.grant.clone(),
            limits: self.limit.clone(),
        })
    }

    fn configured(&self, format: LogFormat) -> anyhow::Result<Option<Configured>> {
        let (Some(file), Some(name)) = (&self.config_file, &self.name) else { return Ok(None) };
        let config = Config::load(Some(file), environment())?;
        telemetry::init(format, if config.debug { Level::DEBUG } else { Level::INFO })?;
        let cache_dir = config.plugin_cache_dir();
        let plugins = config.plugins.clone();
        let harvesters = config.harvesters.into_iter().filter_map(|harvester| {
            let HarvesterConfig::Wasm(harvester) = harvester else { return None };
            Some((harvester.plugin, PluginKind::Harvester))
        });
        let transforms = config.transforms.into_iter().map(|t| (t.plugin, PluginKind::Transform));
        let all: Vec<_> = transforms.chain(harvesters).collect();
        let names = all.iter().map(|(plugin, _)| format!("`{}`", plugin.name)).collect::<Vec<_>>();
        let found = all.into_iter().find(|(plugin, _)| plugin.name == *name);
        match found {
            Some((plugin, kind)) => Ok(Some(Configured { plugin, kind, plugins, cache_dir })),
            None => {
                let (name, file) = (name.clone(), file.display().to_string());
                Err(UsageError::NoSuchPlugin { name, file, known: names.join(", ") }.into())
            }
        }
    }
}

impl CacheDir {
    /// This directory, or the one for the user that runs loglite.
    ///
    /// # Errors
    /// When it can't be made.
    pub(super) fn new(given: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = given.or_else(user_cache) {
            return Ok(Self { path, _temporary: None });
        }
        Self::temporary()
    }

    /// An empty one.
    ///
    /// # Errors
    /// When it can't be made.
    pub(super) fn temporary() -> anyhow::Result<Self> {
        let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
        Ok(Self { path: temporary.path().join("compiled"), _temporary: Some(temporary) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a user's caches are (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn user_cache() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("loglite/plugins"))
}

/// The engine that runs plugins.
///
/// # Errors
/// When the directory can't be used.
pub(super) fn start_engine(cache_dir: &Path, stack: ByteSize) -> anyhow::Result<Arc<Engine>> {
    Ok(Engine::start(cache_dir, stack)?)
}
