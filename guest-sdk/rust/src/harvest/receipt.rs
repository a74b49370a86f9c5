//! What became of entries that were handed over.

use std::error::Error;
use std::fmt;

/// What became of the entries of an ingestion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many rows are committed. A transform that splits an entry makes it count more than once.
    pub stored: u64,
    /// How many entries were dropped by a transform, as configured.
    pub dropped: u64,
    /// Entries that are not stored, by rising index. Each is kept as a dead letter: don't send it again.
    pub refused: Vec<Refusal>,
}

impl Receipt {
    /// Adds the receipt of a later call, whose entries began at this position.
    pub(crate) fn add(&mut self, later: Self, start: usize) {
        self.stored += later.stored;
        self.dropped += later.dropped;
        self.refused.extend(later.refused.into_iter().map(|mut refusal| {
            refusal.index += start;
            refusal
        }));
    }
}

/// An entry that is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its position among the entries, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Why entries were not handed over. The checkpoint has not moved.
#[derive(Debug)]
pub enum IngestError {
    /// The service is stopping, or a new version of the component waits: return from `run`.
    Stopping,
    /// serde can't write the entry.
    Unwritable {
        /// Its position, from 0.
        index: usize,
        /// What serde says.
        source: serde_json::Error,
    },
    /// The entry is something else than an object. Texts of objects go through
    /// [`Harvest::ingest_text`](crate::Harvest::ingest_text).
    NotAnObject {
        /// Its position, from 0.
        index: usize,
    },
    /// The entry alone is larger than one call may be. Those before it are stored, if they did not fit into one call
    /// with it.
    TooLarge {
        /// Its position, from 0.
        index: usize,
        /// Its size.
        bytes: usize,
        /// The limit, `bytes_per_call` of the plugin's `limits`.
        limit: usize,
    },
    /// The checkpoint alone is larger than one call may be. The entries are stored.
    CheckpointTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit, `bytes_per_call` of the plugin's `limits`.
        limit: usize,
    },
}

impl fmt::Display for IngestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("the service is stopping"),
            Self::Unwritable { index, .. } => write!(f, "entry {index} can't be written as JSON"),
            Self::NotAnObject { index } => {
                write!(
                    f,
                    "entry {index} is no JSON object; texts of objects go through ingest_text"
                )
            }
            Self::TooLarge { index, bytes, limit } => write!(
                f,
                "entry {index} has {bytes} bytes, more than the {limit} of a call (limits.bytes_per_call)"
            ),
            Self::CheckpointTooLarge { bytes, limit } => write!(
                f,
                "the checkpoint has {bytes} bytes, more than the {limit} of a call (limits.bytes_per_call)"
            ),
        }
    }
}

impl Error for IngestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unwritable { source, .. } => Some(source),
            _ => None,
        }
    }
}
