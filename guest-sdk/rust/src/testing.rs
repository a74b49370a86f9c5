//! Unit tests of plugins, run natively by `cargo test`: a fake host that keeps what a plugin hands over.
//!
//! A harvester's [`Harvest::sleep`](crate::Harvest::sleep) does not wait here, and tells the first time that the
//! service is stopping: a loop that reads `while !harvest.sleep(…)` ends. [`Host::stop_after`] lets it go on.

mod host;
pub(crate) mod state;

use serde_json::Value;

pub use self::host::Host;
use crate::{Entry, Failure, Transform, Verdict, config};

/// A transform as loglite would configure and call it.
///
/// ```
/// # use loglite_guest::{Entry, Failure, NoConfig, Transform, Verdict};
/// # struct KeepAll;
/// # impl Transform for KeepAll {
/// #     type Config = NoConfig;
/// #     fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> { Ok(Self) }
/// #     fn apply(&mut self, _: Entry<'_>) -> Verdict { Verdict::Keep }
/// # }
/// use loglite_guest::testing::TransformTest;
///
/// let mut transform = TransformTest::<KeepAll>::start(serde_json::json!({})).unwrap();
/// assert_eq!(transform.apply(r#"{"level": "INFO"}"#), Verdict::Keep);
/// ```
#[derive(Debug)]
pub struct TransformTest<T>(T);

impl<T: Transform> TransformTest<T> {
    /// Configures the transform.
    ///
    /// # Errors
    /// As [`Transform::configure`], and when the configuration does not fit the transform's type.
    #[expect(clippy::needless_pass_by_value, reason = "tests pass a `json!` literal")]
    pub fn start(config: Value) -> Result<Self, Failure> {
        T::configure(config::read(&config.to_string())?).map(Self)
    }

    /// The verdict on an entry that came in over HTTP.
    pub fn apply(&mut self, text: &str) -> Verdict {
        self.0.apply(Entry::new("http", text))
    }

    /// The verdicts on a batch of entries from this source.
    pub fn apply_all(&mut self, source: &str, entries: &[String]) -> Vec<Verdict> {
        self.0.apply_all(source, entries)
    }
}
