//! A component between sources and the table: `transform_task` owns its instance, and this is the way there.
//!
//! Invariants: a call that fails costs only the entries that it fails on, and the instance it happened in. No call
//! waits long for the task: sources hear that it is busy.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::transform_task::{Answer, Call, SEARCH_TIME, TransformTask};
use super::{CallError, Loaded, PluginSetup, TransformInstance};
use crate::config::{Limits, OnFailure};
use crate::domain::{EntryText, SourceName};
use crate::metrics::RunState;
use crate::pipeline::{Transform, Unavailable, Verdict};

/// Entries and bytes of one call.
const CALL_ENTRIES: usize = 256;
const CALL_BYTES: usize = 1 << 20;
/// Calls that wait for their turn.
const WAITING_CALLS: usize = 64;
/// How long a call of an HTTP client may take with all its waiting, less what failures of its calls before it took, unless
/// its limits are wider. A client that is told to come back is better off than one that hangs; a harvester may as well
/// wait here.
const PATIENCE: Duration = Duration::from_millis(800);
/// What the way to the task and back may take beside that.
const SPARE_TIME: Duration = Duration::from_millis(100);

/// The way to a transform's task.
pub(super) struct WasmTransform {
    setup: Arc<PluginSetup>,
    calls: mpsc::Sender<Call>,
}

impl WasmTransform {
    /// Starts an instance and the task that owns it. The task ends when the transform is dropped.
    ///
    /// # Errors
    /// What keeps the instance from starting: nothing has been lost yet, so the service should not start either.
    pub(super) async fn start(
        setup: Arc<PluginSetup>,
        on_failure: OnFailure,
        mut loaded: watch::Receiver<Arc<Loaded>>,
    ) -> Result<Self, CallError> {
        let component = Arc::clone(&loaded.borrow_and_update());
        let instance = TransformInstance::start(&component, &setup).await?;
        setup.metrics.runs.enter(RunState::Running);
        let (calls, receiver) = mpsc::channel(WAITING_CALLS);
        let task =
            TransformTask::new(Arc::clone(&setup), on_failure, loaded, (component, instance));
        // Ends with the last sender.
        tokio::spawn(task.run(receiver));
        Ok(Self { setup, calls })
    }

    async fn call(&self, source: &SourceName, entries: Vec<EntryText>) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        let call = Call { source: source.clone(), entries, reply };
        self.calls.send(call).await.ok()?;
        answer.await.ok()
    }
}

impl Transform for WasmTransform {
    fn name(&self) -> &str {
        &self.setup.name
    }

    fn apply<'a>(
        &'a self,
        source: &'a SourceName,
        entries: Vec<EntryText>,
    ) -> BoxFuture<'a, Result<Vec<Verdict>, Unavailable>> {
        let unavailable = |reason: &str| {
            Err(Unavailable { transform: self.setup.name.to_string(), reason: reason.into() })
        };
        async move {
            let mut verdicts = Vec::with_capacity(entries.len());
            let limits = &self.setup.limits;
            let is_http = *source == SourceName::http();
            let mut patience = if is_http { patience(limits) } else { Duration::MAX };
            let most_entries = CALL_ENTRIES.min(limits.entries_per_call);
            let most_bytes = CALL_BYTES.min(limits.bytes_per_call.as_usize());
            let mut entries = entries.into_iter().peekable();
            while entries.peek().is_some() {
                let mut bytes = 0;
                let call: Vec<_> = std::iter::from_fn(|| {
                    entries.next_if(|entry| {
                        let fits = bytes == 0 || bytes + entry.as_str().len() <= most_bytes;
                        bytes += entry.as_str().len().max(1);
                        fits
                    })
                })
                .take(most_entries)
                .collect();
                match timeout(patience, self.call(source, call)).await {
                    Ok(Some(answer)) => {
                        let judged = answer?;
                        verdicts.extend(judged.verdicts);
                        patience = patience.saturating_sub(judged.lost);
                    }
                    Ok(None) => return unavailable("the service is stopping"),
                    Err(_) => return unavailable("it is busy; send the entries again, or fewer"),
                }
            }
            Ok(verdicts)
        }
        .boxed()
    }
}

impl fmt::Debug for WasmTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmTransform").field("name", &self.setup.name).finish_non_exhaustive()
    }
}

/// Who waits longer than a call may take at most waits in vain.
fn patience(limits: &Limits) -> Duration {
    PATIENCE.max(limits.time_per_call.saturating_add(SEARCH_TIME + SPARE_TIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_allows_longer_calls_waits_longer_for_them() {
        let limits = Limits::of_transform();
        assert_eq!(patience(&limits), PATIENCE);
        let time_per_call = Duration::from_secs(5);
        assert!(patience(&Limits { time_per_call, ..limits }) > time_per_call + SEARCH_TIME);
    }
}
