//! The store and the transforms of a configuration without a server: for commands that work while no service runs.

use std::sync::Arc;

use super::service::{self, StartError};
use crate::config::Config;
use crate::domain::SourceName;
use crate::harvest::interpreters;
use crate::metrics::Metrics;
use crate::pipeline::{Binder, Ingestor, OwnColumns, TransformChain};
use crate::plugin::Plugins;
use crate::store::{Store, StoreError};

/// A way into the table, in this process. No harvester runs.
#[derive(Debug)]
pub(super) struct Offline {
    pub(super) ingestor: Ingestor,
    pub(super) store: Arc<Store>,
    plugins: Option<Plugins>,
}

impl Offline {
    /// Opens the database and loads the transforms. Entries may come from the configuration's sources and from
    /// `further` ones.
    ///
    /// # Errors
    /// What would keep a service from starting, too.
    pub(super) async fn open(
        mut config: Config,
        further: Option<SourceName>,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let sources: Vec<_> = service::sources(&config).into_iter().chain(further).collect();
        let interpreters = interpreters(&config);
        config.harvesters.clear();
        let plugins = Plugins::load(&config, &metrics).await?;
        let links = plugins.as_ref().map_or(&[][..], Plugins::links).to_vec();
        let (store, own) = {
            let metrics = metrics.clone();
            tokio::task::spawn_blocking(move || open_store(&config, &metrics))
                .await
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?
        };
        let binder = Binder::new(store.schema(), own);
        let chain = TransformChain::new(links, &sources);
        let store = Arc::new(store);
        let ingestor = Ingestor::new(binder, chain, Arc::clone(&store), metrics)
            .with_interpreters(interpreters);
        Ok(Self { ingestor, store, plugins })
    }

    /// Closes the database.
    pub(super) async fn close(self) {
        drop(self.plugins);
        service::close(self.store).await;
    }
}

fn open_store(config: &Config, metrics: &Metrics) -> Result<(Store, OwnColumns), StoreError> {
    let store = Store::open(config, metrics)?;
    match service::own_columns(config, store.schema()) {
        Ok(own) => Ok((store, own)),
        Err(error) => {
            store.close();
            Err(error)
        }
    }
}
