//! What looks at entries on their way from a source to the table.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::{EntryText, SourceName};

/// Looks at entries and says what happens to each.
pub trait Transform: fmt::Debug + Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// One verdict per entry, in their order. It takes as many entries at once as the caller has; batches are the
    /// transform's own affair. Dropping the future changes nothing: no state depends on it.
    ///
    /// # Errors
    /// [`Unavailable`] when entries can be neither judged nor given up: their source should try again later.
    fn apply<'a>(
        &'a self,
        source: &'a SourceName,
        entries: Vec<EntryText>,
    ) -> BoxFuture<'a, Result<Vec<Verdict>, Unavailable>>;
}

/// What happens to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is.
    Keep,
    /// It is not stored.
    Drop,
    /// This goes on in its place.
    Replace(EntryText),
    /// These go on in its place, in order.
    Split(Vec<EntryText>),
    /// It is not stored; its source is told why.
    Refuse(String),
    /// The transform failed on it; it becomes a dead letter for this reason.
    Fail(String),
}

/// A transform can't take entries now, and may not give them up either.
#[derive(Debug, Clone, thiserror::Error)]
#[error("transform `{transform}` can't take entries: {reason}")]
pub struct Unavailable {
    /// Its name in the configuration.
    pub transform: String,
    /// Why.
    pub reason: String,
}

/// A transform and the sources that it is for.
#[derive(Debug, Clone)]
pub struct Link {
    /// The transform.
    pub transform: Arc<dyn Transform>,
    /// Names of sources; `*` stands for any number of characters.
    pub sources: Vec<String>,
}
