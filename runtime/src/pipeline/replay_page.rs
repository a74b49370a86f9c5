//! Dead letters once more, a page of them at a time: whoever asks says where to go on.

use super::ingestor::Ingestor;
use super::replay::Replayed;
use crate::domain::KeptLetter;
use crate::store::dead_letters::{LetterFilter, newest_letter, oldest_letters};
use crate::store::{ReadPool, StoreError};

/// Which dead letters to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Those that are meant.
    pub filter: LetterFilter,
    /// Only those with higher numbers.
    pub after: i64,
    /// Only those up to this number; without it, those that are there now. Letters that are written because a replay
    /// fails have higher numbers, so a replay ends.
    pub until: Option<i64>,
    /// The most letters of this page.
    pub limit: usize,
}

/// What became of a page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayPage {
    /// By rising number.
    pub letters: Vec<Replayed>,
    /// The last number that was meant when the replay began.
    pub until: i64,
    /// Whether there may be more of them.
    pub has_more: bool,
}

impl Ingestor {
    /// Replays the first letters that are meant, from the oldest on, and waits for the commits. Dropping the future
    /// leaves each letter either replayed or as it was.
    ///
    /// # Errors
    /// [`StoreError`] when the letters can't be read: none was replayed.
    pub async fn replay_page(
        &self,
        reads: &ReadPool,
        request: ReplayRequest,
    ) -> Result<ReplayPage, StoreError> {
        let ReplayRequest { filter, after, until, limit } = request;
        let (letters, until) = reads
            .run(move |connection| {
                let until = until.map_or_else(|| newest_letter(connection), Ok)?;
                let mut letters = oldest_letters(connection, &filter, after, limit)?;
                letters.retain(|kept| kept.id <= until);
                Ok((letters, until))
            })
            .await?;
        // A page may end early, but is empty only behind the last letter.
        let has_more = letters.last().is_some_and(|last: &KeptLetter| last.id < until);
        Ok(ReplayPage { letters: self.replay(letters).await, until, has_more })
    }
}
