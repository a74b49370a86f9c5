//! Brings batches to the table in their order: the next is prepared while the one before is stored.

use tokio::sync::mpsc;

use super::basket::Batch;
use super::held::Load;
use crate::harvest::{Feed, Stopped};
use crate::pipeline::Prepared;

/// Carries batches until no more can come.
///
/// # Errors
/// [`Stopped`]: what is left is not stored.
pub(super) async fn carry(feed: &Feed, mut batches: mpsc::Receiver<Batch>) -> Result<(), Stopped> {
    let mut previous = None;
    loop {
        let storing = async {
            let Some((prepared, load)) = previous.take() else { return Ok(()) };
            store(feed, prepared, load).await
        };
        let preparing = async {
            let Some(Batch { haul, load }) = batches.recv().await else { return Ok(None) };
            feed.prepare(haul).await.map(|prepared| Some((prepared, load)))
        };
        let (stored, next) = tokio::join!(storing, preparing);
        stored?;
        let Some(next) = next? else { return Ok(()) };
        previous = Some(next);
    }
}

async fn store(feed: &Feed, prepared: Prepared, load: Load) -> Result<(), Stopped> {
    feed.store(prepared).await?;
    load.settle();
    Ok(())
}
