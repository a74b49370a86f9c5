//! Starts the parts in order and stops them in the opposite one.
//!
//! Invariant: what was acknowledged is committed; what was accepted when the stop began is written before the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::domain::{Schema, SourceName};
use crate::harvest::{NativeHarvesters, interpreters};
use crate::http::{Api, Bound, Server};
use crate::live::Pace;
use crate::metrics::Metrics;
use crate::pipeline::{Binder, Ingestor, OwnColumns, TransformChain, UnknownFields};
use crate::plugin::{PluginError, Plugins};
use crate::store::{Store, StoreError, find_writable_column};

/// A running service.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    server: Server,
    store: Arc<Store>,
    plugins: Option<Plugins>,
    natives: Option<NativeHarvesters>,
    stopping: CancellationToken,
    grace: Duration,
}

/// Why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port can't be listened on.
    #[error("cannot listen on {host}:{port}; {}", way_out(source))]
    Listen {
        /// The configured host.
        host: String,
        /// The configured port.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database can't be served.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A plugin can't be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The system gives no threads.
    #[error("cannot start threads for harvesters")]
    Threads(#[source] std::io::Error),
}

fn way_out(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "stop the program that does, or set another `port` (0 picks a free one)"
        }
        std::io::ErrorKind::PermissionDenied => {
            "set a `port` from 1024 on, or run it with the right to"
        }
        _ => {
            "`host` must be a name or an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::1"
        }
    }
}

impl Service {
    /// Binds the port, opens the database and starts to serve.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let http = config.http.clone();
        let bound = Bound::bind(&http.host, http.port).await.map_err(|source| {
            StartError::Listen { host: http.host.clone(), port: http.port, source }
        })?;
        let metrics = Metrics::default();
        let mut plugins = Plugins::load(&config, &metrics).await?;
        let (store, config) = {
            let metrics = metrics.clone();
            tokio::task::spawn_blocking(move || Ok((Store::open(&config, &metrics)?, config)))
                .await
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
                .map_err(StartError::Store)?
        };
        let own = match own_columns(&config, store.schema()) {
            Ok(own) => own,
            Err(error) => {
                store.close();
                return Err(error.into());
            }
        };
        if let Err(error) = store.start_maintenance(&config, &metrics) {
            store.close();
            return Err(error.into());
        }
        let store = Arc::new(store);
        if let Err(error) = store.take_statistics(&config, &metrics) {
            close(store).await;
            return Err(error.into());
        }
        let stopping = CancellationToken::new();
        let links = plugins.as_ref().map_or(&[][..], Plugins::links).to_vec();
        let chain = TransformChain::new(links, &sources(&config));
        let api = api(&config, own, &store, chain, metrics, stopping.clone());
        let natives = NativeHarvesters::start(&config, &api.ingestor, &api.metrics, &stopping);
        let natives = match natives.await {
            Ok(natives) => natives,
            Err(error) => {
                drop(api);
                close(store).await;
                return Err(StartError::Threads(error));
            }
        };
        if let Some(plugins) = &mut plugins {
            plugins.start_harvesters(&api.ingestor, &stopping);
        }
        let address = bound.address();
        let server = bound.serve(Arc::new(api));
        let grace = config.shutdown_grace;
        Ok(Self { address, server, store, plugins, natives, stopping, grace })
    }

    /// Loads the plugins' components again, changed or not.
    pub fn reload_plugins(&self) {
        if let Some(plugins) = &self.plugins {
            plugins.reload();
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log table.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.store.schema()
    }

    /// Waits for a part to end that should not: the service must then be stopped.
    pub async fn failed(&self) {
        self.store.writer_ended().await;
    }

    /// Stops: no new requests, those in flight are answered, what was accepted is written, the database is closed.
    pub async fn stop(self) {
        info!("stopping");
        self.stopping.cancel();
        let mut plugins = self.plugins;
        let harvesters = async {
            if let Some(plugins) = &mut plugins {
                plugins.stop_harvesters(self.grace).await;
            }
        };
        let mut natives = self.natives;
        let native_harvesters = async {
            if let Some(natives) = &mut natives {
                natives.stop(self.grace).await;
            }
        };
        let server = self.server.finish(self.grace);
        let (cut_off, (), ()) = tokio::join!(server, harvesters, native_harvesters);
        drop(natives);
        drop(plugins);
        if cut_off > 0 {
            let seconds = self.grace.as_secs_f64();
            warn!(connections = cut_off, seconds, "cut off after the grace period");
        }
        close(self.store).await;
        info!("stopped");
    }
}

/// On a thread of its own: those for blocking work may all be busy, with queries that outlast the grace period.
pub(super) async fn close(store: Arc<Store>) {
    let (sender, closed) = tokio::sync::oneshot::channel();
    let closing = std::thread::Builder::new().name("closing".into()).spawn(move || {
        store.close();
        sender.send(()).ok();
    });
    if let Err(error) = closing {
        warn!(%error, "no thread to close the database; the next start recovers its log");
    } else if closed.await.is_err() {
        warn!("closing the database ended in a panic");
    }
}

fn api(
    config: &Config,
    own: OwnColumns,
    store: &Arc<Store>,
    chain: TransformChain,
    metrics: Metrics,
    stopping: CancellationToken,
) -> Api {
    let binder = Binder::new(store.schema(), own);
    let ingestor = Ingestor::new(binder, chain, Arc::clone(store), metrics.clone())
        .with_interpreters(interpreters(config));
    Api {
        config: config.http.clone(),
        body_memory: config.http.max_body_size.max(config.ingest.ingest_queue_size),
        ingestor: ingestor.into(),
        store: Arc::clone(store),
        json_columns: config.ingest.json_columns,
        pace: Pace { limit: config.sse.sse_limit, debounce: config.sse.sse_debounce },
        heartbeat: config.sse.sse_heartbeat,
        settings: config.settings(),
        metrics,
        stats_retention: config.tasks.stats_retention(),
        started: Instant::now(),
        stopping,
    }
}

/// Where entries may come from.
pub(super) fn sources(config: &Config) -> Vec<SourceName> {
    let harvesters = config.harvesters.iter().map(|harvester| harvester.name().into());
    std::iter::once(SourceName::http()).chain(harvesters).collect()
}

/// The columns that loglite fills, checked against the table.
pub(super) fn own_columns(config: &Config, schema: &Schema) -> Result<OwnColumns, StoreError> {
    let find = |key, name: &Option<String>| find_writable_column(schema, key, name.as_deref());
    let unknown = find("unknown_fields_column", &config.ingest.unknown_fields_column)?;
    let source = find("source_column", &config.ingest.source_column)?;
    Ok(OwnColumns { unknown: unknown.map_or(UnknownFields::Report, UnknownFields::Fold), source })
}
