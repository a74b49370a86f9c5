//! What checkpoints tell of the write-ahead log: whether they get on, and whether a reader of another program is in the
//! way. Our own readers are gone after `query_timeout`.

use std::time::{Duration, Instant};

use tracing::{info, warn};

/// What a checkpoint found, in frames; both are -1 without a write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// Frames in the log. The same number as before means nothing was written.
    pub(super) frames: i64,
    /// Of these, how many are copied into the database.
    pub(super) done: i64,
}

/// How copying the log gets on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    /// All is copied, or what is left does not get less, as new pages come as fast.
    Level,
    /// Less is left than before.
    Converging,
    /// Nothing more can be copied: a reader needs the database as it was.
    Blocked,
}

/// Follows the log from checkpoint to checkpoint.
#[derive(Debug)]
pub(super) struct LogWatch {
    seen: Marks,
    blocked_since: Option<Instant>,
    /// The log's length that was warned of last.
    told_bytes: Option<u64>,
    /// How long our own readers may be in the way.
    patience: Duration,
}

impl LogWatch {
    pub(super) fn new(patience: Duration) -> Self {
        Self { seen: Marks { frames: 0, done: 0 }, blocked_since: None, told_bytes: None, patience }
    }

    /// Compares with the checkpoint before.
    pub(super) fn see(&mut self, now: Marks) -> Copying {
        let before = std::mem::replace(&mut self.seen, now);
        let (left, left_before) = (now.left(), before.left());
        let is_begun_anew = now.frames < before.frames;
        if left == 0 || is_begun_anew || now.done > before.done {
            self.blocked_since = None;
            return if left < left_before { Copying::Converging } else { Copying::Level };
        }
        self.blocked_since.get_or_insert_with(Instant::now);
        Copying::Blocked
    }

    /// How many frames the log had at the last checkpoint.
    pub(super) fn frames(&self) -> i64 {
        self.seen.frames
    }

    /// Warns once that another program keeps this too long log from being emptied, and again whenever it has doubled.
    pub(super) fn warn_of_reader(&mut self, bytes: u64) {
        let Some(since) = self.blocked_since.filter(|since| since.elapsed() > self.patience) else {
            return;
        };
        if self.told_bytes.is_none_or(|told| bytes >= told.saturating_mul(2)) {
            self.told_bytes = Some(bytes);
            let seconds = since.elapsed().as_secs();
            warn!(
                bytes,
                seconds,
                "the write-ahead log grows and can't be emptied: another program keeps a transaction open that reads the \
                 database; end that, or the log fills the disk"
            );
        }
    }

    /// Whether the reader that was warned of is gone, said once.
    pub(super) fn is_free_again(&mut self) -> bool {
        let is_free = self.blocked_since.is_none() && self.told_bytes.take().is_some();
        if is_free {
            info!("no other program keeps the write-ahead log from being emptied any longer");
        }
        is_free
    }
}

impl Marks {
    /// Frames that are not copied yet.
    pub(super) fn left(self) -> u64 {
        u64::try_from(self.frames.saturating_sub(self.done)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(watch: &mut LogWatch, frames: i64, done: i64) -> Copying {
        watch.see(Marks { frames, done })
    }

    #[test]
    fn a_reader_in_the_way_is_told_from_a_checkpoint_that_is_late() {
        let mut watch = LogWatch::new(Duration::ZERO);
        let states =
            [(100, 100), (300, 150), (500, 150), (500, 490), (900, 600), (50, 20), (50, 50)]
                .map(|(frames, done)| see(&mut watch, frames, done));
        let expected = [
            Copying::Level,
            Copying::Level,
            Copying::Blocked,
            Copying::Converging,
            Copying::Level,
            Copying::Converging,
            Copying::Converging,
        ];
        assert_eq!(states, expected);
    }

    #[test]
    fn a_reader_is_told_of_once_it_can_not_be_ours_and_when_the_log_has_doubled() {
        let mut watch = LogWatch::new(Duration::from_secs(3600));
        for frames in [10, 20] {
            see(&mut watch, frames, 5);
        }
        watch.warn_of_reader(1000);
        assert_eq!(watch.told_bytes, None);

        watch.patience = Duration::ZERO;
        let told = [1000, 1500, 2000].map(|bytes| {
            watch.warn_of_reader(bytes);
            watch.told_bytes
        });
        assert_eq!(told, [Some(1000), Some(1000), Some(2000)]);
        assert!(!watch.is_free_again());

        see(&mut watch, 30, 30);

        assert!(watch.is_free_again() && !watch.is_free_again());
    }

    #[test]
    fn a_database_without_a_log_is_never_blocked() {
        let mut watch = LogWatch::new(Duration::ZERO);
        assert_eq!(
            [(-1, -1); 2].map(|(frames, done)| see(&mut watch, frames, done)),
            [Copying::Level, Copying::Level]
        );
    }
}
