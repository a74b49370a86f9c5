//! What all instances of one plugin share: its configuration, and what it has been granted.

use crate::domain::PluginKind;
use std::sync::Arc;

use crate::config::{DirGrant, Limits, PluginConfig};
use crate::metrics::{Metrics, PluginMetrics};

use super::grants::{Denials, Environment, HttpGate, Resolver, TcpGate};
use super::log_gate::LogGate;

/// A plugin as configured, ready to make instances of.
#[derive(Debug)]
pub struct PluginSetup {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What it is.
    pub kind: PluginKind,
    /// Its own configuration, as JSON.
    pub config_json: String,
    /// What it may use.
    pub limits: Limits,
    pub(super) environment: Environment,
    pub(super) dirs: Vec<DirGrant>,
    pub(super) tcp: Arc<TcpGate>,
    pub(super) http: Arc<HttpGate>,
    pub(super) log: Arc<LogGate>,
    pub(super) metrics: PluginMetrics,
}

/// A grant that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}`: {problem}")]
pub struct BadGrant {
    /// The plugin's name.
    pub plugin: String,
    /// What is wrong with which grant.
    pub problem: String,
}

impl PluginSetup {
    /// Reads the environment and prepares the gates; a granted variable that is not set is told in the log. Nothing
    /// is resolved or opened yet.
    ///
    /// # Errors
    /// [`BadGrant`] when an authority in `grant.tcp` or `grant.http` is none.
    pub fn new(config: &PluginConfig, kind: PluginKind) -> Result<Arc<Self>, BadGrant> {
        let component = config.component.display().to_string();
        Self::counted(config, kind, Metrics::default().plugin(&config.name, kind, &component))
    }

    /// Like [`PluginSetup::new`], counting denials, messages and memory in these metrics.
    ///
    /// # Errors
    /// As [`PluginSetup::new`].
    pub fn counted(
        config: &PluginConfig,
        kind: PluginKind,
        metrics: PluginMetrics,
    ) -> Result<Arc<Self>, BadGrant> {
        let name: Arc<str> = config.name.as_str().into();
        let bad = |problem: String| BadGrant { plugin: config.name.clone(), problem };
        let denials = Arc::new(Denials::new(metrics.clone()));
        let resolver = Arc::new(Resolver::default());
        let tcp = TcpGate::new(&config.grant.tcp, &resolver, &denials).map_err(bad)?;
        let http = HttpGate::new(&config.grant.http, &config.limits, &resolver, &denials);
        Ok(Arc::new(Self {
            kind,
            config_json: config.config.to_string(),
            limits: config.limits.clone(),
            environment: Environment::new(&name, &config.grant.env),
            dirs: config.grant.dirs.clone(),
            tcp: Arc::new(tcp),
            http: Arc::new(http.map_err(bad)?),
            log: Arc::new(LogGate::new(metrics.clone(), &config.limits)),
            name,
            metrics,
        }))
    }
}
