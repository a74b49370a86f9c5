//! Keeps a harvester running: starts it, waits for its end, and starts it again or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::backoff::{Backoff, Pause};
use super::{Failure, Harvester};
use crate::config::Restart;
use crate::metrics::{RunState, Runs};

/// A run of this length is a sound one: what failed before it is forgotten.
const HEALTHY: Duration = Duration::from_secs(60);
/// How long a harvester that is asked to end may take before it is cut off.
const PATIENCE: Duration = Duration::from_secs(5);

/// A harvester and how it is to be run.
#[derive(Debug)]
pub struct Supervised<V> {
    /// The harvester.
    pub harvester: Arc<dyn Harvester>,
    /// Whether it is started again once it has ended.
    pub restart: Restart,
    /// Its state, failures and new starts.
    pub runs: Runs,
    /// Changes when the harvester should be started anew, as its program has changed.
    pub renewals: watch::Receiver<V>,
    /// Cancelled when the service stops.
    pub stopping: CancellationToken,
}

/// How a run ended.
enum End {
    /// By itself.
    Returned(Result<(), Failure>),
    /// Because a new program is there.
    Renewed,
    /// Because the service stops.
    Stopped,
}

impl<V: Send + Sync> Supervised<V> {
    /// Runs the harvester until the service stops.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            self.runs.enter(RunState::Running);
            let begun = Instant::now();
            let end = self.run_once().await;
            if begun.elapsed() >= HEALTHY {
                backoff.reset();
            }
            let wait = match end {
                End::Stopped => break,
                End::Renewed => {
                    backoff.reset();
                    self.runs.reloads.inc();
                    info!(harvester = self.name(), "started anew with its changed component");
                    continue;
                }
                // It has noticed before us that the service stops.
                End::Returned(Ok(())) if self.stopping.is_cancelled() => break,
                End::Returned(outcome) => self.judge(outcome, &mut backoff),
            };
            if !self.wait(wait, &mut backoff).await {
                break;
            }
            self.runs.restarts.inc();
        }
        self.runs.enter(RunState::Finished);
    }

    fn name(&self) -> &str {
        self.harvester.name()
    }

    async fn run_once(&mut self) -> End {
        let stop = self.stopping.child_token();
        let harvester = Arc::clone(&self.harvester);
        let run = harvester.run(stop.clone());
        tokio::pin!(run);
        let end = tokio::select! {
            outcome = &mut run => return End::Returned(outcome),
            () = self.stopping.cancelled() => End::Stopped,
            () = changed(&mut self.renewals) => End::Renewed,
        };
        stop.cancel();
        match timeout(PATIENCE, run).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                warn!(harvester = harvester.name(), error = %failure, "failed while it was ending");
            }
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                warn!(
                    harvester = harvester.name(),
                    seconds,
                    "cut off: it did not end in time; what it has not stored is asked of its source again where that keeps it"
                );
            }
        }
        end
    }

    /// How long to wait before the next start; none for ever.
    fn judge(&self, outcome: Result<(), Failure>, backoff: &mut Backoff) -> Option<Pause> {
        let harvester = self.name();
        match outcome {
            Err(Failure::Hopeless(reason)) => {
                self.runs.failed(&reason);
                self.runs.enter(RunState::Unusable);
                error!(
                    harvester,
                    error = reason,
                    "stopped until its component changes, or loglite is started with another `config` for it"
                );
                None
            }
            Err(Failure::Passing(reason)) => {
                self.runs.failed(&reason);
                if self.restart == Restart::Never {
                    self.runs.enter(RunState::Finished);
                    error!(harvester, error = reason, "failed; `restart: never` keeps it stopped");
                    return None;
                }
                Some(self.announce(backoff, &reason))
            }
            Ok(()) if self.restart == Restart::Always => {
                self.runs.enter(RunState::Waiting);
                let pause = backoff.next_pause();
                info!(harvester, seconds = pause.duration().as_secs_f64(), "returned; runs again");
                Some(pause)
            }
            Ok(()) => {
                self.runs.enter(RunState::Finished);
                info!(harvester, "finished");
                None
            }
        }
    }

    fn announce(&self, backoff: &mut Backoff, reason: &str) -> Pause {
        let pause = backoff.next_pause();
        let (harvester, seconds) = (self.name(), pause.duration().as_secs_f64());
        match pause {
            Pause::Short(_) => {
                self.runs.enter(RunState::Waiting);
                warn!(harvester, error = reason, seconds, "failed; is started again");
            }
            Pause::Open(_) => {
                self.runs.enter(RunState::Open);
                error!(harvester, error = reason, seconds, "keeps failing; is tried again seldom");
            }
        }
        pause
    }

    /// Whether to start again.
    async fn wait(&mut self, pause: Option<Pause>, backoff: &mut Backoff) -> bool {
        let over = async {
            match pause {
                Some(pause) => sleep(pause.duration()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => true,
            () = self.stopping.cancelled() => false,
            () = changed(&mut self.renewals) => {
                backoff.reset();
                self.runs.reloads.inc();
                true
            }
        }
    }
}

/// Waits for the next change; for ever when none can come.
async fn changed<V>(renewals: &mut watch::Receiver<V>) {
    if renewals.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::metrics::PluginMetrics;

    /// What the n-th run does.
    type Script = fn(usize, CancellationToken) -> BoxFuture<'static, Result<(), Failure>>;

    #[derive(Debug)]
    struct Scripted {
        script: Script,
        runs: AtomicUsize,
    }

    impl Harvester for Scripted {
        fn name(&self) -> &str {
            "scripted"
        }

        fn run(&self, stopping: CancellationToken) -> BoxFuture<'_, Result<(), Failure>> {
            (self.script)(self.runs.fetch_add(1, Ordering::SeqCst), stopping)
        }
    }

    struct Trial {
        harvester: Arc<Scripted>,
        runs: Runs,
        renew: watch::Sender<u64>,
        stopping: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    fn supervise(restart: Restart, script: Script) -> Trial {
        let harvester = Arc::new(Scripted { script, runs: AtomicUsize::new(0) });
        let runs = PluginMetrics::of_nobody().runs;
        let (renew, renewals) = watch::channel(0);
        let stopping = CancellationToken::new();
        let supervised = Supervised {
            harvester: Arc::clone(&harvester) as Arc<dyn Harvester>,
            restart,
            runs: runs.clone(),
            renewals,
            stopping: stopping.clone(),
        };
        Trial { harvester, runs, renew, stopping, task: tokio::spawn(supervised.run()) }
    }

    impl Trial {
        async fn until(&self, condition: impl Fn(&Self) -> bool) {
            // Time is the runtime's: it jumps to the next timer when nothing else is to do.
            while !condition(self) {
                sleep(Duration::from_millis(1)).await;
            }
        }

        fn runs(&self) -> usize {
            self.harvester.runs.load(Ordering::SeqCst)
        }
    }

    fn fails(_: usize, _: CancellationToken) -> BoxFuture<'static, Result<(), Failure>> {
        std::future::ready(Err(Failure::Passing("no".into()))).boxed()
    }

    fn until_stopped(_: usize, stop: CancellationToken) -> BoxFuture<'static, Result<(), Failure>> {
        async move {
            stop.cancelled().await;
            Ok(())
        }
        .boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_started_again_ever_later_and_then_seldom() {
        let begun = Instant::now();
        let trial = supervise(Restart::Always, fails);

        trial.until(|trial| trial.runs() == 5).await;
        let spent = begun.elapsed().as_secs_f64();
        trial.until(|trial| trial.runs.state() == RunState::Open).await;

        assert!((12.0..=18.1).contains(&spent), "1 + 2 + 4 + 8 s, not {spent}");
        assert_eq!(trial.runs.failures.get(), 11);
        trial.renew.send_replace(1);
        trial.until(|trial| trial.runs() == 12).await;
        assert_eq!(trial.runs.state(), RunState::Waiting, "a new program gets a new chance");
    }

    #[tokio::test(start_paused = true)]
    async fn what_returns_is_started_again_only_if_asked_for() {
        let returns: Script = |_, _| std::future::ready(Ok(())).boxed();
        let always = supervise(Restart::Always, returns);
        always.until(|trial| trial.runs() == 3).await;

        let on_failure = supervise(Restart::OnFailure, returns);
        on_failure.until(|trial| trial.runs.state() == RunState::Finished).await;
        sleep(Duration::from_secs(1_000)).await;
        assert_eq!(on_failure.runs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hopeless_one_waits_for_its_program_to_change() {
        let trial = supervise(Restart::Always, |run, stop| match run {
            0 => std::future::ready(Err(Failure::Hopeless("bad config".into()))).boxed(),
            _ => until_stopped(run, stop),
        });
        trial.until(|trial| trial.runs.state() == RunState::Unusable).await;
        sleep(Duration::from_secs(1_000)).await;
        assert_eq!(trial.runs(), 1);

        trial.renew.send_replace(1);

        trial.until(|trial| trial.runs.state() == RunState::Running).await;
        assert_eq!(trial.runs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_program_replaces_the_running_one() {
        let trial = supervise(Restart::Never, until_stopped);
        trial.until(|trial| trial.runs() == 1).await;

        trial.renew.send_replace(1);

        trial.until(|trial| trial.runs() == 2).await;
        assert_eq!((trial.runs.reloads.get(), trial.runs.failures.get()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_end_is_cut_off() {
        let trial = supervise(Restart::Always, |_, _| std::future::pending().boxed());
        trial.until(|trial| trial.runs() == 1).await;
        let begun = Instant::now();

        trial.stopping.cancel();
        trial.task.await.expect("it ends");

        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }
}
