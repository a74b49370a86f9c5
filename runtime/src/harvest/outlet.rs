//! The way of entries from the tasks that read them to the one that stores them: bounded, gathered into batches, and
//! with the next batch made while the last one is stored.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use super::{Feed, Stopped};
use crate::domain::{Checkpoint, CheckpointKey, EntryText, Receipt};
use crate::pipeline::{Haul, HaulBuilder, Prepared};

/// What one task holds at most before it stops reading. There may be hundreds of them.
const HELD_ENTRIES: usize = 500;
const HELD_BYTES: usize = 64 << 10;
/// What is stored at once.
const BATCH_ENTRIES: usize = 1_000;
const BATCH_BYTES: usize = 256 << 10;
/// Hauls on their way to the one that stores.
const QUEUED_HAULS: usize = 4;

/// Where a task that reads leaves what it has made entries of.
#[derive(Debug)]
pub(super) struct Outlet {
    haul: HaulBuilder,
    position: Option<(CheckpointKey, Checkpoint)>,
    sender: mpsc::Sender<Haul>,
}

/// Outlets' other end.
#[derive(Debug)]
pub(super) struct Hauls(mpsc::Receiver<Haul>);

/// An outlet and its other end. Clone the outlet's sender for each task by [`Outlet::another`].
pub(super) fn outlet() -> (Outlet, Hauls) {
    let (sender, receiver) = mpsc::channel(QUEUED_HAULS);
    (Outlet { haul: HaulBuilder::default(), position: None, sender }, Hauls(receiver))
}

impl Outlet {
    /// One for another task, with the same other end.
    pub(super) fn another(&self) -> Self {
        Self { haul: HaulBuilder::default(), position: None, sender: self.sender.clone() }
    }

    /// Where entries go.
    pub(super) fn haul(&mut self) -> &mut HaulBuilder {
        &mut self.haul
    }

    /// Notes where the source stands with all entries so far.
    pub(super) fn stand_at(&mut self, key: CheckpointKey, checkpoint: Checkpoint) {
        self.position = Some((key, checkpoint));
    }

    /// Reads what comes next, and hands on what is there whenever nothing can be read at once. It does not read while
    /// much is held. 0 at the end of the stream. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those of the stream; [`io::ErrorKind::BrokenPipe`] when nobody stores any more.
    pub(super) async fn read<R>(&mut self, stream: &mut R, buffer: &mut [u8]) -> io::Result<usize>
    where
        R: AsyncRead + Unpin,
    {
        loop {
            let is_full = self.haul.len() >= HELD_ENTRIES || self.haul.byte_len() >= HELD_BYTES;
            tokio::select! {
                biased;
                count = stream.read(buffer), if !is_full => return count,
                room = self.sender.reserve(), if !self.is_empty() => {
                    let room = room.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, Stopped))?;
                    room.send(take(&mut self.haul, &mut self.position));
                }
            }
        }
    }

    /// Hands on what is left. That nobody stores it any more shows at the other end.
    pub(super) async fn flush(&mut self) {
        if self.is_empty() {
            return;
        }
        if let Ok(room) = self.sender.reserve().await {
            room.send(take(&mut self.haul, &mut self.position));
        }
    }

    fn is_empty(&self) -> bool {
        self.haul.is_empty() && self.position.is_none()
    }
}

impl Hauls {
    /// Stores what comes until all outlets are gone.
    ///
    /// # Errors
    /// [`Stopped`]
    pub(super) async fn store_all(mut self, feed: &Feed) -> Result<(), Stopped> {
        let mut ready = self.prepare_next(feed).await?;
        while let Some(batch) = ready {
            let (_, next) = tokio::try_join!(batch.store(feed), self.prepare_next(feed))?;
            ready = next;
        }
        Ok(())
    }

    async fn prepare_next(&mut self, feed: &Feed) -> Result<Option<Batch>, Stopped> {
        let Some(mut gathered) = self.0.recv().await else { return Ok(None) };
        let mut bytes = byte_len(&gathered);
        while gathered.entries.len() < BATCH_ENTRIES && bytes < BATCH_BYTES {
            let Ok(more) = self.0.try_recv() else { break };
            bytes += byte_len(&more);
            append(&mut gathered, more);
        }
        Ok(Some(Batch { prepared: feed.prepare(gathered).await?, bytes }))
    }
}

/// Entries that are ready to be stored.
struct Batch {
    prepared: Prepared,
    bytes: usize,
}

impl Batch {
    async fn store(self, feed: &Feed) -> Result<Receipt, Stopped> {
        feed.metrics().set_lag(self.bytes as u64);
        let receipt = feed.store(self.prepared).await?;
        feed.metrics().set_lag(0);
        Ok(receipt)
    }
}

fn take(builder: &mut HaulBuilder, position: &mut Option<(CheckpointKey, Checkpoint)>) -> Haul {
    let mut haul = builder.take();
    let position = position.take().map(|(key, checkpoint)| (key, Some(checkpoint)));
    haul.checkpoints.extend(position);
    haul
}

/// Puts what came later behind what came before; of positions the later ones count.
fn append(haul: &mut Haul, later: Haul) {
    haul.entries.extend(later.entries);
    haul.misfits.extend(later.misfits);
    haul.checkpoints.retain(|(key, _)| !later.checkpoints.iter().any(|(other, _)| other == key));
    haul.checkpoints.extend(later.checkpoints);
}

fn byte_len(haul: &Haul) -> usize {
    let misfits: usize = haul.misfits.iter().map(|misfit| misfit.text.len()).sum();
    haul.entries.iter().map(EntryText::byte_len).sum::<usize>() + misfits
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn add(outlet: &mut Outlet, text: &str) {
        outlet.haul().misfit("a test".into(), text.into());
    }

    #[tokio::test]
    async fn what_is_held_is_handed_on_as_soon_as_nothing_can_be_read() {
        let (mut outlet, mut hauls) = outlet();
        let (mut writer, mut stream) = tokio::io::duplex(64);
        add(&mut outlet, "one");

        let mut buffer = [0; 8];
        let reading = outlet.read(&mut stream, &mut buffer);
        let (read, haul) = tokio::join!(reading, async {
            let haul = hauls.0.recv().await.expect("the outlet is there");
            writer.write_all(b"next").await.expect("the other end is there");
            haul
        });

        assert_eq!((read.expect("it reads"), haul.misfits.len()), (4, 1));
    }

    #[tokio::test]
    async fn nothing_is_read_while_much_is_held_and_nobody_takes_it() {
        let (mut outlet, hauls) = outlet();
        let mut stream = std::io::Cursor::new(vec![b'x'; 100]);
        let mut buffer = [0; 8];
        for _ in 0..QUEUED_HAULS {
            add(&mut outlet, "queued");
            outlet.flush().await;
        }
        add(&mut outlet, &"x".repeat(HELD_BYTES));

        tokio::select! {
            biased;
            read = outlet.read(&mut stream, &mut buffer) => panic!("read {read:?}"),
            () = tokio::task::yield_now() => {}
        }

        assert_eq!(stream.position(), 0);
        drop(hauls);
        let error = outlet.read(&mut stream, &mut buffer).await.expect_err("nobody stores");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn of_two_positions_the_later_one_counts() {
        let key = || CheckpointKey::from("journal".to_owned());
        let at = |position: &str| Haul {
            checkpoints: vec![(key(), Some(Checkpoint(position.into())))],
            ..Haul::default()
        };
        let mut haul = at("a");

        append(&mut haul, at("b"));

        assert_eq!(haul.checkpoints, at("b").checkpoints);
    }
}
