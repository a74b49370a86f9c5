//! Why a batch was not stored.

use super::Fault;

/// A fault of the storage, told to every source of the batch. Cloned, since one fault concerns many sources.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The disk or the quota is full.
    #[error("the disk is full ({0}); free some space, ingestion goes on by itself")]
    DiskFull(String),
    /// The database can't be written at the moment.
    #[error("the database can't be written ({0})")]
    Unavailable(String),
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopping,
}

impl From<&rusqlite::Error> for WriteError {
    fn from(error: &rusqlite::Error) -> Self {
        match Fault::of(error) {
            Fault::Full => Self::DiskFull(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
