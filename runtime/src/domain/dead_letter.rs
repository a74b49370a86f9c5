//! Entries that could not be stored and have no sender to go back to.

use super::{EntryText, SourceName};

/// An entry that is kept outside the log table, with the reason why it is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where it came from.
    pub source: SourceName,
    /// What was wrong with it, or with the plugin that should have handled it.
    pub reason: String,
    /// The entry as its source sent it.
    pub entry: EntryText,
}
