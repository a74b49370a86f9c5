//! Dead letters put back while no service runs.

use super::offline::Offline;
use super::service::StartError;
use crate::config::Config;
use crate::http::{ReplayAnswer, ReplayBody};
use crate::store::StoreError;

/// Puts dead letters back.
#[derive(Debug)]
pub struct Replayer {
    offline: Offline,
}

impl Replayer {
    /// Opens the database and loads the transforms. No harvester is started.
    ///
    /// # Errors
    /// What would keep a service from starting, too.
    pub async fn open(config: Config) -> Result<Self, StartError> {
        Ok(Self { offline: Offline::open(config, None).await? })
    }

    /// Replays the first letters that are meant; the answer says where to go on.
    ///
    /// # Errors
    /// When the letters can't be read.
    pub async fn replay(&self, body: &ReplayBody) -> Result<ReplayAnswer, ReplayError> {
        let request = body.request().map_err(ReplayError::Request)?;
        let Offline { ingestor, store, .. } = &self.offline;
        let page = ingestor.replay_page(store.reads(), request).await?;
        Ok(page.into())
    }

    /// Closes the database.
    pub async fn close(self) {
        self.offline.close().await;
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
