//! Harvesters: what brings entries in, and their way to the table.

mod checkpoint;
mod receipt;

use std::cell::Cell;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::checkpoint::Checkpoint;
pub use self::receipt::{IngestError, Receipt, Refusal};
use crate::cut::{self, Limits};
use crate::{Failure, host};

/// Brings entries into loglite.
///
/// ```
/// use std::time::Duration;
///
/// use loglite_guest::testing::Host;
/// use loglite_guest::{Checkpoint, Failure, Harvest, Harvester};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     interval: u64,
/// }
///
/// #[derive(serde::Serialize)]
/// struct Tick {
///     message: String,
/// }
///
/// /// Counts, and goes on counting after a restart.
/// struct Counter(Config);
///
/// impl Harvester for Counter {
///     type Config = Config;
///
///     fn configure(config: Config) -> Result<Self, Failure> {
///         Ok(Self(config))
///     }
///
///     fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
///         let mut next: u64 = harvest.last_checkpoint()?.unwrap_or(0);
///         loop {
///             let tick = Tick { message: format!("tick {next}") };
///             next += 1;
///             harvest.ingest(&[tick], Checkpoint::of(&next)?)?;
///             if harvest.sleep(Duration::from_secs(self.0.interval)) {
///                 return Ok(());
///             }
///         }
///     }
/// }
///
/// let host = Host::new();
/// host.harvest::<Counter>(serde_json::json!({"interval": 5})).unwrap();
/// assert_eq!(host.entries(), [serde_json::json!({"message": "tick 0"})]);
/// assert_eq!(host.checkpoint::<u64>(), Some(1));
/// ```
pub trait Harvester: Sized {
    /// What the plugin's `config:` holds. [`NoConfig`](crate::NoConfig) for a plugin without.
    type Config: DeserializeOwned;

    /// Makes the harvester. Called once per instance.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`] for a configuration that can't be used, [`Failure::Failed`] for anything else.
    fn configure(config: Self::Config) -> Result<Self, Failure>;

    /// Harvests until [`Harvest::stopping`], or until there is nothing left. A harvester that returns, fails or
    /// panics is started again in a new instance, as its `restart` says, after a pause; what it knew is gone but for
    /// its checkpoint.
    ///
    /// # Errors
    /// Whatever the harvester can't mend by itself. Any error fits, by `?`.
    fn run(&mut self, harvest: &Harvest) -> Result<(), Failure>;
}

/// A harvester's way to loglite.
#[derive(Debug)]
pub struct Harvest {
    limits: Cell<Limits>,
}

impl Harvest {
    pub(crate) fn new() -> Self {
        Self { limits: Cell::new(Limits::default()) }
    }

    /// Stores entries, each of which serde must write as an object, and with the last of them the checkpoint. It
    /// returns once all is committed, and waits while loglite can't keep up.
    ///
    /// Batches of a few hundred entries are fastest. More than a single call may hold goes in several calls, the
    /// checkpoint with the last one: if the service ends in between, the entries of the first calls are harvested
    /// again.
    ///
    /// # Errors
    /// [`IngestError::Stopping`] when the service is stopping, which `?` turns into a quiet end of `run`; the others
    /// are mistakes of the plugin.
    ///
    /// ```
    /// # use loglite_guest::{Checkpoint, Harvest, IngestError};
    /// fn hand_over(harvest: &Harvest, offset: u64) -> Result<(), Box<dyn std::error::Error>> {
    ///     let entries = [serde_json::json!({"message": "hello"})];
    ///     let receipt = harvest.ingest(&entries, Checkpoint::of(&offset)?)?;
    ///     for refusal in &receipt.refused {
    ///         loglite_guest::log::warn!("entry {}: {}", refusal.index, refusal.reason);
    ///     }
    ///     Ok(())
    /// }
    /// # let _ = hand_over;
    /// ```
    pub fn ingest<E: Serialize>(
        &self,
        entries: &[E],
        checkpoint: Checkpoint,
    ) -> Result<Receipt, IngestError> {
        let texts: Vec<String> =
            entries.iter().enumerate().map(|(i, e)| write(i, e)).collect::<Result<_, _>>()?;
        self.ingest_text(&texts, checkpoint)
    }

    /// Like [`Harvest::ingest`], for entries that are already texts of JSON objects. They are not looked at here:
    /// those that are no JSON objects are among the receipt's refusals.
    ///
    /// # Errors
    /// As [`Harvest::ingest`].
    ///
    /// ```
    /// # use loglite_guest::{Checkpoint, Harvest, IngestError, Receipt};
    /// fn hand_over(harvest: &Harvest, lines: &str) -> Result<Receipt, IngestError> {
    ///     let entries: Vec<String> = lines.lines().map(str::to_owned).collect();
    ///     harvest.ingest_text(&entries, Checkpoint::unchanged())
    /// }
    /// # let _ = hand_over;
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a checkpoint is made for one call")]
    pub fn ingest_text(
        &self,
        entries: &[String],
        checkpoint: Checkpoint,
    ) -> Result<Receipt, IngestError> {
        cut::ingest(entries, checkpoint.bytes(), &self.limits, host::ingest)
    }

    /// The last checkpoint that was committed, as [`Checkpoint::of`] made it; none at the first start.
    ///
    /// # Errors
    /// When the checkpoint does not fit the type: one that an older version of the plugin left, perhaps.
    ///
    /// ```
    /// # use loglite_guest::{Failure, Harvest};
    /// fn first_page(harvest: &Harvest) -> Result<u32, Failure> {
    ///     Ok(harvest.last_checkpoint()?.unwrap_or(1))
    /// }
    /// # let _ = first_page;
    /// ```
    pub fn last_checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        let Some(bytes) = host::last_checkpoint() else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|err| {
            Failure::failed(format_args!("the last checkpoint is unreadable: {err}"))
        })
    }

    /// The last checkpoint that was committed, as [`Checkpoint::of_bytes`] made it; none at the first start.
    #[must_use]
    pub fn last_checkpoint_bytes(&self) -> Option<Vec<u8>> {
        host::last_checkpoint()
    }

    /// Whether the harvester is asked to end: the service stops, or a new version of the component is waiting. It has
    /// a few seconds to hand over what it holds and to return.
    #[must_use]
    pub fn stopping(&self) -> bool {
        host::stopping()
    }

    /// Waits, or less if the harvester is asked to end meanwhile. Returns what [`Harvest::stopping`] then says.
    /// `std::thread::sleep` would not wake up for that.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use loglite_guest::Harvest;
    /// # fn poll() {}
    /// fn run(harvest: &Harvest) {
    ///     while !harvest.sleep(Duration::from_secs(5)) {
    ///         poll();
    ///     }
    /// }
    /// # let _ = run;
    /// ```
    #[must_use = "it says whether to end"]
    pub fn sleep(&self, duration: Duration) -> bool {
        host::sleep(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The entry's text.
fn write<E: Serialize>(index: usize, entry: &E) -> Result<String, IngestError> {
    let text =
        serde_json::to_string(entry).map_err(|source| IngestError::Unwritable { index, source })?;
    if text.starts_with('{') { Ok(text) } else { Err(IngestError::NotAnObject { index }) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::NoConfig;
    use crate::testing::Host;

    /// Hands over one number per call, for ever.
    struct Endless;

    impl Harvester for Endless {
        type Config = NoConfig;

        fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> {
            Ok(Self)
        }

        fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
            for number in harvest.last_checkpoint()?.unwrap_or(0_u32).. {
                harvest.ingest(&[json!({"n": number})], Checkpoint::of(&(number + 1))?)?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_harvester_that_ingests_while_the_service_stops_ends_without_failure() {
        let host = Host::new();
        host.start_at(&7);
        host.stop_after_calls(2);

        host.harvest::<Endless>(json!({})).unwrap();

        assert_eq!(host.entries(), [json!({"n": 7}), json!({"n": 8})]);
        assert_eq!(host.checkpoint(), Some(9));
    }

    #[test]
    fn a_checkpoint_of_another_type_is_a_failure_that_says_so() {
        let host = Host::new();
        host.start_at(&"page 7");
        let failure = host.harvest::<Endless>(json!({})).unwrap_err();
        assert!(failure.to_string().starts_with("the last checkpoint is unreadable"));
    }

    #[test]
    fn an_entry_that_is_no_object_is_named_before_anything_is_stored() {
        let host = Host::new();
        let ended = Harvest::new().ingest(&[json!({}), json!(1)], Checkpoint::unchanged());
        assert!(matches!(ended, Err(IngestError::NotAnObject { index: 1 })));
        assert_eq!(host.calls(), [0; 0]);
    }
}
