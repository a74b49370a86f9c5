//! Dead letters put back while no service runs: the store and the transforms of the configuration, without a server.

use std::sync::Arc;

use super::service::{self, StartError};
use crate::config::Config;
use crate::http::{ReplayAnswer, ReplayBody};
use crate::metrics::Metrics;
use crate::pipeline::{Binder, Ingestor, TransformChain, UnknownFields};
use crate::plugin::Plugins;
use crate::store::{Store, StoreError};

/// Puts dead letters back.
#[derive(Debug)]
pub struct Replayer {
    ingestor: Ingestor,
    store: Arc<Store>,
    plugins: Option<Plugins>,
}

impl Replayer {
    /// Opens the database and loads the transforms. No harvester is started.
    ///
    /// # Errors
    /// What would keep a service from starting, too.
    pub async fn open(mut config: Config) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let sources = service::sources(&config);
        config.harvesters.clear();
        let plugins = Plugins::load(&config, &metrics).await?;
        let links = plugins.as_ref().map_or(&[][..], Plugins::links).to_vec();
        let (store, unknown) = {
            let metrics = metrics.clone();
            tokio::task::spawn_blocking(move || open_store(&config, &metrics))
                .await
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?
        };
        let binder = Binder::new(store.schema(), unknown);
        let chain = TransformChain::new(links, &sources);
        let store = Arc::new(store);
        let ingestor = Ingestor::new(binder, chain, Arc::clone(&store), metrics);
        Ok(Self { ingestor, store, plugins })
    }

    /// Replays the first letters that are meant; the answer says where to go on.
    ///
    /// # Errors
    /// When the letters can't be read.
    pub async fn replay(&self, body: &ReplayBody) -> Result<ReplayAnswer, ReplayError> {
        let request = body.request().map_err(ReplayError::Request)?;
        let page = self.ingestor.replay_page(self.store.reads(), request).await?;
        Ok(page.into())
    }

    /// Closes the database.
    pub async fn close(self) {
        drop(self.plugins);
        service::close(self.store).await;
    }
}

fn open_store(config: &Config, metrics: &Metrics) -> Result<(Store, UnknownFields), StoreError> {
    let store = Store::open(config, metrics)?;
    match service::unknown_fields(config, store.schema()) {
        Ok(unknown) => Ok((store, unknown)),
        Err(error) => {
            store.close();
            Err(error)
        }
    }
}

/// Why letters can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// What is asked for makes no sense.
    #[error("{0}")]
    Request(String),
    /// The letters can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
