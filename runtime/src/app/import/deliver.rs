//! From the batches of an input to the table: the next one is bound while the one before is stored.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::outcome::{Imported, Oddity};
use super::position::Bookmark;
use super::{ImportError, Importer, READ_PATIENCE};
use crate::domain::Receipt;
use crate::pipeline::Prepared;

/// How long an import that is to stop waits for a storage that does not take what is there.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// Entries on their way, and what is told of them.
struct Waiting {
    prepared: Prepared,
    entry_lines: Vec<u64>,
    bookmark: Option<Bookmark>,
    lines: u64,
}

/// What was stored just now.
struct Stored {
    entry_lines: Vec<u64>,
    bookmark: Option<Bookmark>,
    lines: u64,
}

impl Importer {
    /// Stores what is read; the next batch is bound while the one before is stored.
    pub(super) async fn store_all(
        &mut self,
        mut receiver: mpsc::Receiver<Batch>,
        mut bookmark: Option<Bookmark>,
        imported: &mut Imported,
        stopping: &CancellationToken,
    ) -> Result<(), ImportError> {
        imported.begins_at = bookmark.as_ref().map_or(0, |bookmark| bookmark.position.lines);
        let mut waiting: Option<Waiting> = None;
        loop {
            let mut misfits = Vec::new();
            let next = async {
                let Some(batch) = next_batch(&mut receiver, stopping).await else {
                    return Ok(None);
                };
                self.prepare(batch, &mut bookmark, &mut misfits).await.map(Some)
            };
            let before = waiting.take();
            let step = async { tokio::join!(self.store(before), next) };
            let (stored, next) = tokio::select! {
                done = step => done,
                () = cancelled_for(stopping, STORE_PATIENCE) => return Ok(()),
            };
            if let Some((receipt, stored)) = stored? {
                imported.stored(&receipt, &stored.entry_lines, stored.lines);
                stored.bookmark.into_iter().for_each(|bookmark| self.bookmarks.note(bookmark));
            }
            waiting = next?;
            imported.misfits(misfits);
            if let Some(waiting) = &waiting {
                imported.ignored_fields.extend(waiting.prepared.ignored_fields.iter().cloned());
            } else {
                return Ok(());
            }
        }
    }

    async fn prepare(
        &self,
        batch: Batch,
        bookmark: &mut Option<Bookmark>,
        misfits: &mut Vec<Oddity>,
    ) -> Result<Waiting, ImportError> {
        let Batch { mut haul, entry_lines, misfit_lines, offset, lines, is_last } = batch;
        misfits.extend(Oddity::of_misfits(&haul.misfits, &misfit_lines));
        if let Some(Bookmark { key, position }) = bookmark {
            position.offset = offset;
            position.lines = lines;
            position.done = is_last.then(|| format!("{:.0}", jiff::Timestamp::now()));
            haul.checkpoints.push((key.clone(), Some(position.checkpoint())));
        }
        let prepared = self.offline.ingestor.prepare(&self.options.source, haul).await;
        let prepared = prepared.map_err(|_| ImportError::WriterEnded)?;
        Ok(Waiting { prepared, entry_lines, bookmark: bookmark.clone(), lines })
    }

    async fn store(
        &self,
        waiting: Option<Waiting>,
    ) -> Result<Option<(Receipt, Stored)>, ImportError> {
        let Some(Waiting { prepared, entry_lines, bookmark, lines }) = waiting else {
            return Ok(None);
        };
        let stored = self.offline.ingestor.store(prepared).await;
        let receipt = stored.map_err(|_| ImportError::WriterEnded)?;
        Ok(Some((receipt, Stored { entry_lines, bookmark, lines })))
    }
}

/// None behind the last one, or when a read does not return although it is to stop.
pub(super) async fn next_batch(
    receiver: &mut mpsc::Receiver<Batch>,
    stopping: &CancellationToken,
) -> Option<Batch> {
    tokio::select! {
        batch = receiver.recv() => batch,
        () = cancelled_for(stopping, READ_PATIENCE) => None,
    }
}

async fn cancelled_for(stopping: &CancellationToken, patience: Duration) {
    stopping.cancelled().await;
    sleep(patience).await;
}
