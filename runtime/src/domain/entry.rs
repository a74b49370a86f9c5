//! An entry as it was received: the text of one JSON object, cheap to pass on.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The text of one entry, often a slice of the body it came in. Clones share the text.
#[derive(Clone)]
pub struct EntryText {
    whole: Arc<String>,
    range: Range<usize>,
}

impl EntryText {
    /// The part of `whole` at these byte positions; none when they don't lie on character boundaries.
    #[must_use]
    pub fn slice(whole: &Arc<String>, range: Range<usize>) -> Option<Self> {
        whole.get(range.clone())?;
        Some(Self { whole: Arc::clone(whole), range })
    }

    /// How long the text is, in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.range.len()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl From<String> for EntryText {
    fn from(text: String) -> Self {
        Self { range: 0..text.len(), whole: Arc::new(text) }
    }
}

impl AsRef<str> for EntryText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for EntryText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EntryText {}

/// Entries may hold secrets: only the length is shown.
impl fmt::Debug for EntryText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryText({} bytes)", self.range.len())
    }
}
