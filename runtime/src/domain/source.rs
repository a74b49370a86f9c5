//! Where entries come from.

use std::fmt;
use std::sync::Arc;

/// The name of a source: `http`, or a harvester's name from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName(Arc<str>);

/// What tells a harvester where to go on. Its bytes mean something to the harvester only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint(pub Vec<u8>);

impl SourceName {
    /// Entries of HTTP requests come from here.
    #[must_use]
    pub fn http() -> Self {
        Self("http".into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SourceName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
