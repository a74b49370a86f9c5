//! One sandbox of a transform.

use crate::domain::PluginKind;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wasmtime::Store;

use crate::config::Limits;
use crate::domain::EntryText;
use crate::pipeline::Verdict;

use super::bindings::Verdict as GuestVerdict;
use super::bindings::transform::TransformPlugin;
use super::guest::Guest;
use super::instance::{Bounds, run};
use super::load::Program;
use super::log_gate::told;
use super::{CallError, Engine, Loaded, PluginSetup};

/// No part of a call gets less than this.
const LEAST_SHARE: Duration = Duration::from_millis(20);

/// An instance of a transform, configured. After an error it is unusable: make another one.
pub struct TransformInstance {
    store: Store<Guest>,
    plugin: TransformPlugin,
    /// Keeps the clock ticking.
    _engine: Arc<Engine>,
}

/// What one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Computing.
    pub cpu: Duration,
    /// Waiting included.
    pub time: Duration,
}

impl Budget {
    /// What a part of a call may take: its share of the call's limits, but no less than is needed to do anything.
    #[must_use]
    pub fn share(limits: &Limits, part: usize, entries: usize) -> Self {
        let share = part as f64 / entries.max(1) as f64;
        let of = |whole: Duration| whole.mul_f64(share).max(LEAST_SHARE.min(whole));
        Self { cpu: of(limits.cpu_per_call), time: of(limits.time_per_call) }
    }
}

impl TransformInstance {
    /// Instantiates and configures, within `limits.start_time`.
    ///
    /// # Errors
    /// [`CallError`]; with [`CallError::BadConfig`] another start would end the same way.
    pub async fn start(loaded: &Loaded, setup: &Arc<PluginSetup>) -> Result<Self, CallError> {
        let Program::Transform(pre) = &loaded.program else {
            return Err(CallError::Failed(format!(
                "it is a {}, not a transform",
                PluginKind::Harvester
            )));
        };
        let stopping = CancellationToken::new();
        let mut store = Guest::store(&loaded.engine, setup, None, stopping)?;
        let bounds = Bounds::start(setup);
        let config = setup.config_json.as_str();
        let started = run(&mut store, bounds, async |store: &mut Store<Guest>| {
            let plugin = pre.instantiate_async(&mut *store).await?;
            let answer = plugin.loglite_plugin_transform().call_configure(store, config).await?;
            Ok((plugin, answer))
        });
        let started = started.await;
        let (plugin, answer) = started.map_err(|error| error.explain(&store, bounds))?;
        answer?;
        Ok(Self { store, plugin, _engine: Arc::clone(&loaded.engine) })
    }

    /// One verdict per entry, in their order. Dropping the future leaves the instance unusable.
    ///
    /// # Errors
    /// [`CallError`], after which the instance is unusable; not so [`CallError::TooMuchToTake`].
    pub async fn apply(
        &mut self,
        source: &str,
        entries: &[&str],
        budget: Budget,
    ) -> Result<Vec<Verdict>, CallError> {
        self.fits(entries)?;
        let bounds = Bounds {
            cpu: budget.cpu,
            cpu_key: "limits.cpu_per_call",
            time: Some(budget.time),
            time_key: "limits.time_per_call",
            what: "its call",
        };
        let transform = self.plugin.loglite_plugin_transform();
        let verdicts =
            run(&mut self.store, bounds, |store| transform.call_apply(store, source, entries));
        let verdicts = verdicts.await;
        let verdicts = verdicts.map_err(|error| error.explain(&self.store, bounds))?;
        self.check(&verdicts, entries.len())?;
        Ok(verdicts.into_iter().map(verdict).collect())
    }

    /// The size of its memories. It never shrinks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory()
    }

    fn fits(&self, entries: &[&str]) -> Result<(), CallError> {
        let limits = &self.store.data().setup.limits;
        if entries.len() > limits.entries_per_call {
            let limit = limits.entries_per_call as u64;
            let (what, key) = ("entries", "limits.entries_per_call");
            return Err(CallError::TooMuchToTake { what, limit, key });
        }
        let limit = limits.bytes_per_call.0;
        if entries.iter().map(|entry| entry.len() as u64).sum::<u64>() > limit {
            let (what, key) = ("bytes", "limits.bytes_per_call");
            return Err(CallError::TooMuchToTake { what, limit, key });
        }
        Ok(())
    }

    fn check(&self, verdicts: &[GuestVerdict], expected: usize) -> Result<(), CallError> {
        if verdicts.len() != expected {
            return Err(CallError::WrongCount { expected, found: verdicts.len() });
        }
        let limits = &self.store.data().setup.limits;
        let entries: usize = verdicts.iter().map(entries_in).sum();
        // What is kept costs nothing, so only what comes back is counted.
        if entries > limits.entries_per_call {
            let limit = limits.entries_per_call as u64;
            return Err(CallError::TooMuch {
                what: "entries",
                limit,
                key: "limits.entries_per_call",
            });
        }
        let bytes: u64 = verdicts.iter().map(bytes_in).sum();
        if bytes > limits.bytes_per_call.0 {
            let limit = limits.bytes_per_call.0;
            return Err(CallError::TooMuch { what: "bytes", limit, key: "limits.bytes_per_call" });
        }
        Ok(())
    }
}

impl std::fmt::Debug for TransformInstance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformInstance")
            .field("plugin", &self.store.data().setup.name)
            .field("memory_bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}

fn entries_in(verdict: &GuestVerdict) -> usize {
    match verdict {
        GuestVerdict::Split(parts) => parts.len(),
        GuestVerdict::Replace(_) => 1,
        _ => 0,
    }
}

fn bytes_in(verdict: &GuestVerdict) -> u64 {
    match verdict {
        GuestVerdict::Split(parts) => parts.iter().map(|part| part.len() as u64).sum(),
        GuestVerdict::Replace(text) | GuestVerdict::Refuse(text) => text.len() as u64,
        _ => 0,
    }
}

fn verdict(verdict: GuestVerdict) -> Verdict {
    match verdict {
        GuestVerdict::Keep => Verdict::Keep,
        GuestVerdict::Drop => Verdict::Drop,
        GuestVerdict::Replace(text) => Verdict::Replace(text.into()),
        GuestVerdict::Split(parts) => {
            Verdict::Split(parts.into_iter().map(EntryText::from).collect())
        }
        GuestVerdict::Refuse(reason) => Verdict::Refuse(told(&reason)),
    }
}
