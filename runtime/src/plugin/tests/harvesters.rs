//! A harvester may run for ever, but not compute for ever.

use crate::domain::PluginKind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::domain::{Checkpoint, EntryText, Receipt};
use crate::plugin::{CallError, Closed, Door, HarvesterInstance};

use super::home::{Home, PATIENCE, setup};
use super::text::harvester;

/// Nothing goes through.
#[derive(Debug)]
struct Wall;

impl Door for Wall {
    fn ingest(
        &self,
        _: Vec<EntryText>,
        _: Option<Checkpoint>,
    ) -> BoxFuture<'_, Result<Receipt, Closed>> {
        Box::pin(async { Err(Closed) })
    }

    fn last_checkpoint(&self) -> BoxFuture<'_, Option<Checkpoint>> {
        Box::pin(async { None })
    }
}

async fn run(body: &str, cpu: Duration, stopping: CancellationToken) -> Result<(), CallError> {
    let home = Home::new();
    let loaded = home.component(&harvester(body));
    assert_eq!(loaded.kind, PluginKind::Harvester);
    let limits = Limits { start_time: PATIENCE, cpu_per_call: cpu, ..Limits::of_harvester() };
    let setup = setup(PluginKind::Harvester, limits);
    let instance = HarvesterInstance::start(&loaded, &setup, Arc::new(Wall), stopping).await?;
    timeout(PATIENCE, instance.run()).await.expect("it ends in time")
}

fn later(stopping: &CancellationToken) -> impl Future<Output = ()> + use<> {
    let stopping = stopping.clone();
    async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stopping.cancel();
    }
}

#[tokio::test]
async fn a_harvester_that_has_nothing_to_do_returns() {
    assert_eq!(run("(i32.const 1024)", PATIENCE, CancellationToken::new()).await, Ok(()));
}

#[tokio::test]
async fn a_harvester_that_computes_for_ever_is_ended() {
    let limit = Duration::from_millis(30);
    let ended = run("(loop (br 0)) (unreachable)", limit, CancellationToken::new()).await;
    assert_eq!(ended, Err(CallError::CpuLimit { limit, key: "limits.cpu_per_call" }));
}

#[tokio::test]
async fn computing_is_limited_between_two_calls_to_the_host_only() {
    let stopping = CancellationToken::new();
    let spin = "(loop (br_if 0 (i32.eqz (call $stopping)))) (i32.const 1024)";
    // It computes for 100 ms in all, and never for long at once.
    let (ended, ()) =
        tokio::join!(run(spin, Duration::from_millis(30), stopping.clone()), later(&stopping));
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn a_sleeping_harvester_wakes_when_it_is_asked_to_end() {
    let stopping = CancellationToken::new();
    let sleep = "(drop (call $sleep (i64.const -1))) (i32.const 1024)";
    let (ended, ()) = tokio::join!(run(sleep, PATIENCE, stopping.clone()), later(&stopping));
    assert_eq!(ended, Ok(()));
}
