//! The task that owns a transform's instance: it answers calls in turn, finds the entries that one fails on, and takes
//! over changed components between two calls.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::circuit::{Circuit, Progress};
use super::search::{Outcomes, Search};
use super::{Budget, CallError, Loaded, PluginSetup, TransformInstance};
use crate::config::OnFailure;
use crate::domain::{EntryText, SourceName};
use crate::metrics::{EntryFate, PluginMetrics, RunState};
use crate::pipeline::{Unavailable, Verdict};

/// How long the search for faulty entries may take, after the call that failed.
pub(super) const SEARCH_TIME: Duration = Duration::from_millis(400);
/// Failures are logged no more often than this.
const LOG_PAUSE: Duration = Duration::from_secs(1);

/// What a call comes to.
pub(super) type Answer = Result<Judged, Unavailable>;

/// What became of a call's entries.
pub(super) struct Judged {
    pub(super) verdicts: Vec<Verdict>,
    /// How long a failure and the search for its entries took.
    pub(super) lost: Duration,
}

/// Entries on their way to the task, and where the verdicts are waited for.
pub(super) struct Call {
    pub(super) source: SourceName,
    pub(super) entries: Vec<EntryText>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// A component and an instance of it, or why there is none.
type Started = (Arc<Loaded>, Result<TransformInstance, CallError>);

/// Owns the instance.
pub(super) struct TransformTask {
    setup: Arc<PluginSetup>,
    on_failure: OnFailure,
    loaded: watch::Receiver<Arc<Loaded>>,
    /// What instances are made of: the newest one that has started.
    component: Arc<Loaded>,
    instance: Option<TransformInstance>,
    /// An instance of a changed component that is being made, beside the calls.
    renewal: JoinSet<Started>,
    circuit: Circuit,
    metrics: PluginMetrics,
    /// Failures since the last one that was logged, and when that was.
    unlogged: u64,
    logged: Option<Instant>,
}

/// Why an attempt came to nothing.
enum Failure {
    /// There is no instance.
    Start(CallError),
    /// The instance failed on the entries.
    Call(CallError),
}

impl TransformTask {
    /// Begins with an instance of this component, which is the newest that `loaded` has told.
    pub(super) fn new(
        setup: Arc<PluginSetup>,
        on_failure: OnFailure,
        loaded: watch::Receiver<Arc<Loaded>>,
        (component, instance): (Arc<Loaded>, TransformInstance),
    ) -> Self {
        Self {
            metrics: setup.metrics.clone(),
            setup,
            on_failure,
            loaded,
            component,
            instance: Some(instance),
            renewal: JoinSet::new(),
            circuit: Circuit::new(),
            unlogged: 0,
            logged: None,
        }
    }

    /// Answers until the last sender is gone.
    pub(super) async fn run(mut self, mut calls: mpsc::Receiver<Call>) {
        loop {
            tokio::select! {
                changed = self.loaded.changed() => match changed {
                    Ok(()) => self.start_renewal(),
                    // Nothing watches the file any longer: the service is stopping.
                    Err(_) => break,
                },
                Some(renewal) = self.renewal.join_next() => self.renew(renewal),
                call = calls.recv() => match call {
                    // Whoever gave up waiting sends the entries again.
                    Some(call) if call.reply.is_closed() => {}
                    Some(call) => self.answer(call).await,
                    None => return,
                },
            }
        }
        while let Some(call) = calls.recv().await {
            self.answer(call).await;
        }
    }

    /// Makes an instance of a changed component. Calls go on in the old one meanwhile.
    fn start_renewal(&mut self) {
        let component = Arc::clone(&self.loaded.borrow_and_update());
        let setup = Arc::clone(&self.setup);
        // One that is not ready yet is out of date.
        self.renewal = JoinSet::new();
        self.renewal.spawn(async move {
            let started = TransformInstance::start(&component, &setup).await;
            (component, started)
        });
    }

    /// Takes over a changed component, if it has started.
    fn renew(&mut self, renewal: Result<Started, JoinError>) {
        let (component, started) = match renewal.map_err(JoinError::try_into_panic) {
            Ok(renewal) => renewal,
            Err(Ok(panic)) => resume_unwind(panic),
            // The threads end.
            Err(Err(_)) => return,
        };
        let transform = &*self.setup.name;
        match started {
            Ok(instance) => {
                info!(transform, "replaced by its changed component");
                self.instance = Some(instance);
                self.component = component;
                self.circuit.reset();
                self.metrics.runs.reloads.inc();
                self.metrics.runs.enter(RunState::Running);
            }
            Err(error) => {
                error!(transform, %error, "the changed component does not start; the old one stays");
                self.metrics.runs.failed(&error.to_string());
            }
        }
    }

    async fn answer(&mut self, call: Call) {
        let Call { source, entries, reply } = call;
        self.metrics.count(EntryFate::In, entries.len());
        let begun = Instant::now();
        let outcomes = self.judge(&source, &entries).await;
        let has_failed = outcomes.iter().any(Result::is_err);
        let lost = if has_failed { begun.elapsed() } else { Duration::ZERO };
        let answer = self.resolve(outcomes).map(|verdicts| Judged { verdicts, lost });
        // Whoever has given up waiting is not told.
        drop(reply.send(answer));
    }

    /// Calls the instance; finds the faulty entries when it fails.
    async fn judge(&mut self, source: &SourceName, entries: &[EntryText]) -> Outcomes {
        if let Some(reason) = self.circuit.refusal() {
            let reason = format!("transform `{}` is out of order: {reason}", self.setup.name);
            return vec![Err(reason); entries.len()];
        }
        let begun = Instant::now();
        match self.attempt(source, entries, 0..entries.len()).await {
            Ok(verdicts) => {
                self.circuit.passed();
                self.metrics.runs.enter(RunState::Running);
                verdicts.into_iter().map(Ok).collect()
            }
            // The instance has not seen it: that says nothing against the transform.
            Err(Failure::Call(failure @ CallError::TooMuchToTake { .. })) => {
                self.fail_all(&failure, entries.len())
            }
            Err(Failure::Call(failure)) => self.search(source, entries, &failure, begun).await,
            Err(Failure::Start(failure)) => {
                let outcomes = self.fail_all(&failure, entries.len());
                self.leave_alone(&failure);
                outcomes
            }
        }
    }

    /// Finds the entries that a call has failed on.
    async fn search(
        &mut self,
        source: &SourceName,
        entries: &[EntryText],
        failure: &CallError,
        begun: Instant,
    ) -> Outcomes {
        let mut reason = failure.to_string();
        let mut unstartable = None;
        let deadline = Instant::now() + SEARCH_TIME;
        let mut search = Search::new(entries.len(), self.named(failure));
        while let Some(part) = search.next().filter(|_| Instant::now() < deadline) {
            match self.attempt(source, entries, part).await {
                Ok(verdicts) => search.passed(verdicts),
                Err(Failure::Call(failure)) => {
                    reason = failure.to_string();
                    search.failed(self.named(&failure));
                }
                Err(Failure::Start(failure)) => {
                    search.failed(self.named(&failure));
                    unstartable = Some(failure);
                    break;
                }
            }
        }
        let outcomes = search.finish();
        self.note_failure(&outcomes, &reason);
        match unstartable {
            Some(failure) => self.leave_alone(&failure),
            None => self.weigh(&outcomes, begun.elapsed(), &reason),
        }
        outcomes
    }

    /// One call with some of the entries, in a new instance if there is none. What fails loses its instance.
    async fn attempt(
        &mut self,
        source: &SourceName,
        entries: &[EntryText],
        part: Range<usize>,
    ) -> Result<Vec<Verdict>, Failure> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => {
                self.metrics.runs.restarts.inc();
                let started = TransformInstance::start(&self.component, &self.setup).await;
                started.map_err(Failure::Start)?
            }
        };
        let limits = &self.setup.limits;
        let budget = Budget::share(limits, part.len(), entries.len());
        let texts: Vec<_> =
            entries.get(part).unwrap_or_default().iter().map(EntryText::as_str).collect();
        let begun = Instant::now();
        let outcome = instance.apply(source.as_str(), &texts, budget).await;
        self.metrics.called(begun.elapsed());
        let bytes = instance.memory_bytes();
        let is_sound = matches!(outcome, Ok(_) | Err(CallError::TooMuchToTake { .. }));
        // Linear memory never shrinks: a new instance begins small again.
        if is_sound && (bytes as u64) <= limits.recycle_memory.0 {
            self.instance = Some(instance);
        }
        outcome.map_err(|error| Failure::Call(error.of_a_whole_call(limits)))
    }

    /// No entry of a call got a verdict.
    fn fail_all(&mut self, failure: &CallError, entries: usize) -> Outcomes {
        let outcomes = vec![Err(self.named(failure)); entries];
        self.note_failure(&outcomes, &failure.to_string());
        outcomes
    }

    fn note_failure(&mut self, outcomes: &Outcomes, reason: &str) {
        self.metrics.runs.failed(reason);
        let transform = &*self.setup.name;
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        self.unlogged += 1;
        if self.logged.is_none_or(|logged| logged.elapsed() >= LOG_PAUSE) {
            let (calls, of) = (self.unlogged, outcomes.len());
            warn!(transform, error = reason, entries = failed, of, calls, "failed on entries");
            (self.unlogged, self.logged) = (0, Some(Instant::now()));
        }
    }

    /// Leaves the transform alone if it fails too often.
    fn weigh(&mut self, outcomes: &Outcomes, took: Duration, reason: &str) {
        let has_some = outcomes.iter().any(Result::is_ok);
        let progress = if has_some { Progress::Some } else { Progress::None };
        if let Some(pause) = self.circuit.failed(took, progress, reason) {
            let (transform, seconds) = (&*self.setup.name, pause.as_secs_f64());
            error!(transform, error = reason, seconds, "fails too often; left alone for a while");
            self.metrics.runs.enter(RunState::Open);
        }
    }

    /// There is no instance, and each try to make one may take long.
    fn leave_alone(&mut self, failure: &CallError) {
        let (transform, reason) = (&*self.setup.name, failure.to_string());
        if matches!(failure, CallError::BadConfig(_)) {
            error!(transform, error = reason, "left alone until its component changes");
            self.circuit.open_for_good(&reason);
            self.metrics.runs.enter(RunState::Unusable);
        } else {
            let seconds = self.circuit.open(&reason).as_secs_f64();
            error!(transform, error = reason, seconds, "does not start; left alone for a while");
            self.metrics.runs.enter(RunState::Open);
        }
    }

    /// Turns failures into what `on_failure` says.
    fn resolve(&self, outcomes: Outcomes) -> Result<Vec<Verdict>, Unavailable> {
        if self.on_failure == OnFailure::Block
            && let Some(Err(reason)) = outcomes.iter().find(|outcome| outcome.is_err())
        {
            let (transform, reason) = (self.setup.name.to_string(), reason.clone());
            return Err(Unavailable { transform, reason });
        }
        let verdicts = outcomes.into_iter().map(|outcome| match outcome {
            Ok(verdict) => {
                self.metrics.count(fate(&verdict), 1);
                verdict
            }
            Err(reason) => self.give_up(reason),
        });
        Ok(verdicts.collect())
    }

    fn give_up(&self, reason: String) -> Verdict {
        let (fate, verdict) = match self.on_failure {
            OnFailure::Drop => (EntryFate::Dropped, Verdict::Drop),
            OnFailure::Pass => (EntryFate::Passed, Verdict::Keep),
            OnFailure::DeadLetter | OnFailure::Block => (EntryFate::Dead, Verdict::Fail(reason)),
        };
        self.metrics.count(fate, 1);
        verdict
    }

    fn named(&self, failure: &CallError) -> String {
        format!("transform `{}` failed: {failure}", self.setup.name)
    }
}

fn fate(verdict: &Verdict) -> EntryFate {
    match verdict {
        Verdict::Keep => EntryFate::Kept,
        Verdict::Drop => EntryFate::Dropped,
        Verdict::Replace(_) => EntryFate::Replaced,
        Verdict::Split(_) => EntryFate::Split,
        Verdict::Refuse(_) => EntryFate::Refused,
        Verdict::Fail(_) => EntryFate::Dead,
    }
}
