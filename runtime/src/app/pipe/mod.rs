//! Lines of standard input into the table as they come, while they go on to standard output: by the service that runs
//! on the database, or without one by this process.

mod collect;
mod input;
mod remote;
mod verdicts;

use std::io;

use self::collect::Collector;
use self::remote::Remote;
pub use self::verdicts::{NotStored, PipeTally};
use super::offline::Offline;
use super::service::StartError;
use crate::config::{Config, LineConfig};
use crate::domain::SourceName;
use crate::http::{ClientError, ServiceUrl};
use crate::pipeline::Haul;

/// What entries come from, by which transforms and dead letters know them when no service runs.
const SOURCE: &str = "pipe";

/// Where lines go.
#[derive(Debug)]
pub struct Pipe(Destination);

#[derive(Debug)]
enum Destination {
    Here(Box<Offline>),
    Service(Remote),
}

/// What is done with the input.
#[derive(Debug, Clone)]
pub struct PipeOptions {
    /// What a line is.
    pub line: LineConfig,
    /// The log table's.
    pub timestamp_column: String,
    /// Whether the input goes on to standard output.
    pub copy: bool,
}

/// Why the rest of the input can't be stored.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// The input can't be read.
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    /// The service answers what no later try would change.
    #[error(transparent)]
    Service(#[from] ClientError),
    /// The writer has ended.
    #[error("the writer has ended early; the log above says why")]
    WriterEnded,
}

impl Pipe {
    /// Stores through the service that answers there.
    #[must_use]
    pub fn to_service(service: ServiceUrl) -> Self {
        Self(Destination::Service(Remote::new(service)))
    }

    /// Opens the database and loads the transforms: no service runs on it.
    ///
    /// # Errors
    /// What would keep a service from starting, too.
    pub async fn here(config: Config) -> Result<Self, StartError> {
        let offline = Offline::open(config, Some(SOURCE.into())).await?;
        Ok(Self(Destination::Here(offline.into())))
    }

    /// Stores what comes until the input ends, and tells of each line that can't be.
    ///
    /// Lines are collected while those before them are stored; while these wait, the input does.
    ///
    /// # Errors
    /// [`PipeError`]
    pub async fn run(
        &mut self,
        options: &PipeOptions,
        mut tell: impl FnMut(&NotStored),
    ) -> Result<PipeTally, PipeError> {
        let chunks = input::start(options.copy).map_err(PipeError::Input)?;
        let mut collector = Collector::new(chunks, options);
        let mut tally = PipeTally::default();
        let mut haul = Haul::default();
        let mut is_over = false;
        while !(is_over && haul.is_empty()) {
            let (collected, stored) = tokio::join!(collector.next(), self.0.store(haul));
            let stored = stored?;
            stored.not_stored.iter().for_each(&mut tell);
            tally.add(&stored);
            let next = collected.map_err(PipeError::Input)?;
            is_over = next.is_none();
            haul = next.unwrap_or_default();
        }
        Ok(tally)
    }

    /// Closes what was opened.
    pub async fn close(self) {
        if let Destination::Here(offline) = self.0 {
            offline.close().await;
        }
    }
}

impl Destination {
    async fn store(&mut self, haul: Haul) -> Result<verdicts::Stored, PipeError> {
        let is_kept = matches!(self, Self::Here(_));
        let mut stored = verdicts::Stored::default();
        stored.misfits(&haul.misfits, is_kept);
        match self {
            Self::Service(remote) => remote.store(&haul.entries, &mut stored).await?,
            Self::Here(offline) => {
                let entries = haul.entries.clone();
                let source = SourceName::from(SOURCE);
                let receipt = offline.ingestor.ingest(&source, haul).await;
                stored.receipt(&receipt.map_err(|_| PipeError::WriterEnded)?, &entries);
            }
        }
        Ok(stored)
    }
}
