//! Where a container's output was read to: for each output the time of the last message, and how many had that time.
//!
//! The engine is asked for messages from a time on, that time included; the counts tell which of them are known.

use serde::{Deserialize, Serialize};

use crate::domain::Checkpoint;

/// An output that was silent for this long is not asked for earlier messages: the engine writes down the messages of
/// both outputs in the order of their times but for moments.
const SLACK_NANOS: i64 = 10_000_000_000;

/// Where one output was read to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The time of the last message that was read, in nanoseconds since 1970.
    #[serde(rename = "t")]
    pub(super) nanos: i64,
    /// How many messages of that time were read.
    #[serde(rename = "n", default)]
    pub(super) count: u64,
    /// How many bytes of the message behind them were read.
    #[serde(rename = "b", default)]
    pub(super) bytes: u64,
}

/// Where both outputs of a container were read to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) stdout: Mark,
    pub(super) stderr: Mark,
}

impl Mark {
    /// Before everything from this time on.
    pub(super) fn at(nanos: i64) -> Self {
        Self { nanos, count: 0, bytes: 0 }
    }

    /// Notes that a message was read.
    pub(super) fn pass(&mut self, nanos: i64) {
        let count = if nanos == self.nanos { self.count + 1 } else { 1 };
        *self = Self { nanos, count, bytes: 0 };
    }
}

impl Position {
    /// Before everything from this time on.
    pub(super) fn at(nanos: i64) -> Self {
        Self { stdout: Mark::at(nanos), stderr: Mark::at(nanos) }
    }

    /// From which time on the engine is asked for messages.
    pub(super) fn since_nanos(&self) -> i64 {
        self.stdout.nanos.min(self.stderr.nanos)
    }

    /// The earliest time at which an output that is silent may stand, so that not all of the other one is asked for
    /// again on its account.
    pub(super) fn silent_mark(&self) -> Mark {
        Mark::at(self.stdout.nanos.max(self.stderr.nanos).saturating_sub(SLACK_NANOS))
    }

    /// As it is kept.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(serde_json::to_vec(self).expect("numbers can be written"))
    }

    /// As it was kept; none when it is none of ours.
    pub(super) fn of(checkpoint: &Checkpoint) -> Option<Self> {
        serde_json::from_slice(&checkpoint.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_same_time_are_counted() {
        let mut mark = Mark::at(5);
        for nanos in [5, 5, 7, 8, 8, 8] {
            mark.pass(nanos);
        }
        assert_eq!(mark, Mark { nanos: 8, count: 3, bytes: 0 });
    }

    #[test]
    fn a_position_is_kept_and_read_again() {
        let position =
            Position { stdout: Mark { nanos: 3, count: 2, bytes: 1 }, stderr: Mark::at(9) };
        assert_eq!(Position::of(&position.checkpoint()), Some(position));
        assert_eq!(Position::of(&Checkpoint(b"?".to_vec())), None);
    }
}
