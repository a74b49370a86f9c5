//! What tells a harvester where to go on.

use serde::Serialize;

/// What tells a harvester where to go on after a restart: an offset, a cursor, a page number. It is committed in one
/// transaction with the entries it is handed over with.
///
/// ```
/// # use loglite_guest::Checkpoint;
/// #[derive(serde::Serialize)]
/// struct Position {
///     file: String,
///     offset: u64,
/// }
///
/// let checkpoint = Checkpoint::of(&Position { file: "app.log".into(), offset: 4096 })?;
/// assert_eq!(checkpoint, Checkpoint::of_bytes(r#"{"file":"app.log","offset":4096}"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint(Option<Vec<u8>>);

impl Checkpoint {
    /// The last checkpoint stays.
    #[must_use]
    pub const fn unchanged() -> Self {
        Self(None)
    }

    /// This value, written as JSON, for [`Harvest::last_checkpoint`](crate::Harvest::last_checkpoint) to read.
    ///
    /// # Errors
    /// When serde can't write the value.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(Some).map(Self)
    }

    /// These bytes, for [`Harvest::last_checkpoint_bytes`](crate::Harvest::last_checkpoint_bytes).
    #[must_use]
    pub fn of_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Some(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}
