//! A transform's task between its callers and its instance.

use crate::domain::PluginKind;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Limits, OnFailure};
use crate::domain::{ByteSize, EntryText, SourceName};
use crate::pipeline::{Transform, Verdict};
use crate::plugin::transform::WasmTransform;

use super::faults::KEEP_ALL;
use super::home::{Home, PATIENCE, setup};
use super::text::transform;

async fn apply(transform: &WasmTransform, entry: &str) -> Vec<Verdict> {
    let entries = vec![EntryText::from(entry.to_owned())];
    transform.apply(&SourceName::http(), entries).await.unwrap()
}

#[tokio::test]
async fn entries_that_are_too_large_for_it_say_nothing_against_a_transform() {
    let home = Home::new();
    let (_sender, loaded) = watch::channel(home.component(&transform(KEEP_ALL)));
    let limits = Limits { bytes_per_call: ByteSize(20), ..Limits::of_transform() };
    let setup = setup(PluginKind::Transform, Limits { start_time: PATIENCE, ..limits });
    let metrics = setup.metrics.clone();
    let transform = WasmTransform::start(setup, OnFailure::DeadLetter, loaded).await.unwrap();
    for _ in 0..10 {
        let verdicts = apply(&transform, &format!("{{\"a\":\"{}\"}}", "x".repeat(20))).await;
        let [Verdict::Fail(reason)] = verdicts.as_slice() else { panic!("{verdicts:?}") };
        assert!(reason.contains("limits.bytes_per_call"), "{reason}");
    }
    assert_eq!(apply(&transform, "{}").await, [Verdict::Keep]);
    assert_eq!(metrics.runs.restarts.get(), 0);
}

#[tokio::test]
async fn the_old_instance_answers_while_the_new_one_starts() {
    let home = Home::new();
    let (sender, loaded) = watch::channel(home.component(&transform(KEEP_ALL)));
    let setup =
        setup(PluginKind::Transform, Limits { start_time: PATIENCE, ..Limits::of_transform() });
    let transform_task = WasmTransform::start(setup, OnFailure::DeadLetter, loaded).await.unwrap();
    let endless =
        transform(KEEP_ALL).replacen("(i32.const 1024)", "(loop (br 0)) (unreachable)", 1);
    drop(sender.send_replace(home.component(&endless)));
    // Which of two things that are due comes first is left to chance.
    for _ in 0..20 {
        assert_eq!(apply(&transform_task, "{}").await, [Verdict::Keep]);
    }
    assert!(Arc::strong_count(&sender.borrow()) > 1, "it is being started");
}
