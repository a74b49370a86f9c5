//! Files read into the table once, while no service runs: each line of a file is there exactly once, however often the
//! import was cut off and begun again, as the file's position is committed with the entries.

mod batch;
mod deliver;
mod dry_run;
mod input;
mod outcome;
mod position;
mod progress;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use self::dry_run::dry_run;
pub use self::input::ImportInput;
pub use self::outcome::{End, Imported, Oddity};
pub use self::progress::Progress;

use self::batch::{Batch, Batcher, Begin, Recipe};
use self::input::Opened;
use self::position::{Bookmark, Bookmarks};
use super::offline::Offline;
use super::service::StartError;
use crate::config::{Config, LineConfig};
use crate::domain::SourceName;
use crate::harvest::LineReader;
use crate::store::StoreError;

/// Batches that are ready while another one is stored.
const READY: usize = 2;
/// How long an import that is to stop waits for a read that does not return.
const READ_PATIENCE: Duration = Duration::from_secs(1);

/// What an import does with lines.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The source of the entries.
    pub source: SourceName,
    /// What a line is.
    pub line: LineConfig,
    /// Whether what was imported before is imported once more.
    pub again: bool,
}

/// Reads inputs into the table, one after another.
#[derive(Debug)]
pub struct Importer {
    offline: Offline,
    options: ImportOptions,
    recipe: Recipe,
    bookmarks: Bookmarks,
    progress: Arc<Progress>,
}

/// Why nothing can be imported, or nothing more.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// What would keep a service from starting, too.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The positions of earlier imports can't be read.
    #[error("the positions of earlier imports can't be read")]
    Positions(#[source] StoreError),
    /// The writer has ended.
    #[error("the writer has ended early; the log above says why")]
    WriterEnded,
}

impl Importer {
    /// Opens the database and loads the transforms.
    ///
    /// # Errors
    /// [`ImportError`]
    pub async fn open(config: Config, options: ImportOptions) -> Result<Self, ImportError> {
        let recipe = Recipe::new(&options.line, &config);
        let offline = Offline::open(config, Some(options.source.clone())).await?;
        let owner = Bookmarks::owner(&options.source);
        let kept = match offline.ingestor.input_checkpoints(&owner).await {
            Ok(kept) => kept,
            Err(error) => {
                offline.close().await;
                return Err(ImportError::Positions(error));
            }
        };
        let bookmarks = Bookmarks::new(owner, kept);
        Ok(Self { offline, options, recipe, bookmarks, progress: Arc::default() })
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Reads one input from where it stands to its end, or until it is asked to stop: then what was read is stored.
    /// What goes wrong with the input is in the outcome.
    ///
    /// # Errors
    /// [`ImportError::WriterEnded`]
    pub async fn import(
        &mut self,
        input: &ImportInput,
        stopping: &CancellationToken,
    ) -> Result<Imported, ImportError> {
        let mut imported = Imported::new(input.name());
        let (opened, mut bookmark) = match self.open_input(input) {
            Ok(found) => found,
            Err(error) => return Ok(imported.ended(End::Failed(error))),
        };
        if let Some(Bookmark { position, .. }) = &mut bookmark
            && let Some(time) = &position.done
        {
            if !self.options.again {
                let (lines, time) = (position.lines, time.clone());
                return Ok(imported.ended(End::AlreadyDone { lines, time }));
            }
            position.rewind();
        }
        let (batches, receiver) = mpsc::channel(READY);
        let reading = self.start_reading((opened, input), bookmark.as_ref(), batches, stopping);
        self.store_all(receiver, bookmark, &mut imported, stopping).await?;
        let end = match timeout(READ_PATIENCE, reading).await {
            Ok(Ok(Ok(()))) if !stopping.is_cancelled() => End::Done,
            Ok(Ok(Err(error))) => End::Failed(error),
            Ok(Err(panic)) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
            _ => End::Interrupted,
        };
        Ok(imported.ended(end))
    }

    /// Closes the database.
    pub async fn close(self) {
        self.offline.close().await;
    }

    fn open_input(&self, input: &ImportInput) -> io::Result<(Opened, Option<Bookmark>)> {
        let opened = Opened::open(input)?;
        let bookmark = match &opened.identity {
            Some(identity) => Some(self.bookmarks.of(&opened, identity)?),
            None => None,
        };
        Ok((opened, bookmark))
    }

    fn start_reading(
        &self,
        (opened, input): (Opened, &ImportInput),
        bookmark: Option<&Bookmark>,
        batches: mpsc::Sender<Batch>,
        stopping: &CancellationToken,
    ) -> JoinHandle<io::Result<()>> {
        let position = bookmark.map(|bookmark| &bookmark.position);
        let begin = Begin {
            offset: position.map_or(0, |position| position.offset),
            lines: position.map_or(0, |position| position.lines),
            origin: input.name(),
            is_live: bookmark.is_none(),
        };
        let (recipe, progress) = (self.recipe.clone(), Arc::clone(&self.progress));
        let stopping = stopping.clone();
        tokio::task::spawn_blocking(move || {
            let stream = opened.read_from(begin.offset, &progress)?;
            Batcher::new(recipe, begin, progress).run(stream, &batches, &stopping)
        })
    }
}

impl Recipe {
    fn new(line: &LineConfig, config: &Config) -> Self {
        let reader = LineReader::new(line, &config.database.log_timestamp_field);
        Self { line: line.clone(), reader: Arc::new(reader) }
    }
}
