//! The fake host, as tests hold it.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::state;
use crate::http::{Error, Request, Response};
use crate::log::Level;
use crate::{Failure, Harvest, Harvester, config};

/// A fake host: the harvester of a test ingests into it, logs to it, and gets its answers from it. One per thread; it
/// ends when it is dropped.
///
/// ```
/// use loglite_guest::testing::Host;
/// use loglite_guest::{Checkpoint, Failure, Harvest, Harvester, NoConfig};
///
/// struct Once;
///
/// impl Harvester for Once {
///     type Config = NoConfig;
///
///     fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> {
///         Ok(Self)
///     }
///
///     fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
///         let entry = serde_json::json!({"message": "once"});
///         harvest.ingest(&[entry], Checkpoint::of_bytes("done"))?;
///         Ok(())
///     }
/// }
///
/// let host = Host::new();
/// host.harvest::<Once>(serde_json::json!({})).unwrap();
/// assert_eq!(host.texts(), [r#"{"message":"once"}"#]);
/// assert_eq!(host.checkpoint_bytes(), Some(b"done".to_vec()));
/// ```
#[derive(Debug)]
pub struct Host(());

impl Host {
    /// A host without checkpoint, whose first sleep ends the harvester.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "two of them on a thread would share what they hold"
    )]
    pub fn new() -> Self {
        state::begin();
        Self(())
    }

    /// Configures a harvester and runs it to its end. A harvester that ends because the service is stopping has not
    /// failed.
    ///
    /// # Errors
    /// As [`Harvester::configure`] and [`Harvester::run`], and when the configuration does not fit the type.
    #[expect(clippy::needless_pass_by_value, reason = "tests pass a `json!` literal")]
    pub fn harvest<H: Harvester>(&self, config: Value) -> Result<(), Failure> {
        let mut harvester = H::configure(config::read(&config.to_string())?)?;
        match harvester.run(&Harvest::new()) {
            Err(Failure::Stopping) => Ok(()),
            ended => ended,
        }
    }

    /// Starts the harvester with this checkpoint.
    pub fn start_at<T: Serialize>(&self, checkpoint: &T) {
        let bytes = serde_json::to_vec(checkpoint).unwrap_or_default();
        state::with(|state| state.checkpoint = Some(bytes));
    }

    /// Tells that the service is stopping at this sleep, counted from 1.
    pub fn stop_after(&self, sleeps: usize) {
        state::with(|state| state.stop_after = sleeps);
    }

    /// Takes so many calls that ingest, and turns the next one down because the service is stopping.
    pub fn stop_after_calls(&self, calls: usize) {
        state::with(|state| state.most_calls = Some(calls));
    }

    /// Takes at most so many entries and bytes per call.
    pub fn limit(&self, entries: usize, bytes: usize) {
        state::with(|state| (state.limits.entries, state.limits.bytes) = (entries, bytes));
    }

    /// Answers the next request to this URL so. Several answers come in their order; without any, a URL is not granted.
    pub fn answer(&self, url: &str, response: Response) {
        state::with(|state| state.answer(url, Ok(response)));
    }

    /// Fails the next request to this URL so.
    pub fn fail(&self, url: &str, error: Error) {
        state::with(|state| state.answer(url, Err(error)));
    }

    /// The texts of the entries that were stored, in their order.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        state::with(|state| state.stored.clone())
    }

    /// The entries that were stored, in their order.
    #[must_use]
    pub fn entries(&self) -> Vec<Value> {
        let parsed = |text: &String| serde_json::from_str(text).unwrap_or_default();
        state::with(|state| state.stored.iter().map(parsed).collect())
    }

    /// How many entries each call handed over.
    #[must_use]
    pub fn calls(&self) -> Vec<usize> {
        state::with(|state| state.calls.clone())
    }

    /// The last checkpoint, if there is one of this type.
    #[must_use]
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.checkpoint_bytes()?).ok()
    }

    /// The last checkpoint's bytes.
    #[must_use]
    pub fn checkpoint_bytes(&self) -> Option<Vec<u8>> {
        state::with(|state| state.checkpoint.clone())
    }

    /// What was logged.
    #[must_use]
    pub fn logged(&self) -> Vec<(Level, String)> {
        state::with(|state| state.logged.clone())
    }

    /// How long the harvester wanted to sleep each time.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        state::with(|state| state.sleeps.clone())
    }

    /// The requests that were sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        state::with(|state| state.requests.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        state::end();
    }
}
