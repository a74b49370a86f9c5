//! Each limit of a transform ends the call that breaks it, and says which key of the configuration it is.

use crate::domain::PluginKind;
use std::time::{Duration, Instant};

use crate::config::Limits;
use crate::domain::ByteSize;
use crate::pipeline::Verdict;
use crate::plugin::{Budget, CallError, TransformInstance};

use super::home::{Home, PATIENCE, apply_once, setup};
use super::text::transform;

fn limits() -> Limits {
    Limits { start_time: PATIENCE, cpu_per_call: PATIENCE, ..Limits::of_transform() }
}

/// As many verdicts as entries, all of them `keep`: memory is zero.
pub(super) const KEEP_ALL: &str = "
    (i32.store (i32.const 2048)
        (call $alloc (i32.const 0) (i32.const 0) (i32.const 4)
            (i32.mul (local.get $count) (i32.const 12))))
    (i32.store (i32.const 2052) (local.get $count))
    (i32.const 2048)";

const LOOP: &str = "(loop (br 0)) (unreachable)";

#[tokio::test]
async fn a_harmless_transform_keeps_its_entries() {
    let home = Home::new();
    let loaded = home.component(&transform(KEEP_ALL));
    assert_eq!((loaded.kind, loaded.facts.version.as_str()), (PluginKind::Transform, "0.1.0"));
    let setup = setup(PluginKind::Transform, limits());
    let mut instance = TransformInstance::start(&loaded, &setup).await.unwrap();
    let budget = Budget { cpu: PATIENCE, time: PATIENCE };
    for _ in 0..3 {
        let verdicts = instance.apply("http", &["{}", "{\"a\":1}"], budget).await;
        assert_eq!(verdicts, Ok(vec![Verdict::Keep, Verdict::Keep]));
    }
    assert_eq!(instance.memory_bytes(), 16 << 16);
}

#[tokio::test]
async fn a_component_that_was_compiled_once_comes_from_the_cache() {
    let home = Home::new();
    let text = transform(KEEP_ALL);
    assert!(!home.component(&text).facts.was_cached);
    assert!(home.component(&text).facts.was_cached);
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_budget() {
    let limit = Duration::from_millis(30);
    let began = Instant::now();
    let error = apply_once(&transform(LOOP), Limits { cpu_per_call: limit, ..limits() }).await;
    assert_eq!(error, Err(CallError::CpuLimit { limit, key: "limits.cpu_per_call" }));
    assert!(began.elapsed() >= limit);
}

#[tokio::test]
async fn an_endless_loop_leaves_the_thread_to_others() {
    let home = Home::new();
    let loaded = home.component(&transform(LOOP));
    let setup = setup(PluginKind::Transform, limits());
    let mut instance = TransformInstance::start(&loaded, &setup).await.unwrap();
    let budget = Budget { cpu: PATIENCE, time: PATIENCE };
    tokio::select! {
        ended = instance.apply("http", &["{}"], budget) => panic!("{ended:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
}

#[tokio::test]
async fn a_call_ends_with_its_time_even_if_its_cpu_budget_does_not() {
    let home = Home::new();
    let loaded = home.component(&transform(LOOP));
    let setup = setup(PluginKind::Transform, limits());
    let mut instance = TransformInstance::start(&loaded, &setup).await.unwrap();
    let limit = Duration::from_millis(30);
    let budget = Budget { cpu: PATIENCE, time: limit };
    let error = instance.apply("http", &["{}"], budget).await.unwrap_err();
    assert_eq!(
        error,
        CallError::TimeLimit { what: "its call", limit, key: "limits.time_per_call" }
    );
}

#[tokio::test]
async fn memory_does_not_grow_past_its_limit() {
    let grow =
        "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let limits = Limits { memory: ByteSize(4 << 20), ..limits() };
    let error = apply_once(&transform(grow), limits).await.unwrap_err();
    let expected = CallError::MemoryLimit { what: "memory", limit: 4 << 20, key: "limits.memory" };
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_plugin_that_begins_with_too_much_memory_does_not_start() {
    let limits = Limits { memory: ByteSize(64 << 10), ..limits() };
    let error = apply_once(&transform(KEEP_ALL), limits).await.unwrap_err();
    assert!(matches!(error, CallError::MemoryLimit { key: "limits.memory", .. }), "{error}");
}

#[tokio::test]
async fn tables_do_not_grow_past_their_limit() {
    let grow = "(loop (br_if 0 (i32.ne
        (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) (unreachable)";
    let error = apply_once(&transform(grow), limits()).await.unwrap_err();
    assert!(
        matches!(error, CallError::MemoryLimit { key: "limits.table_elements", .. }),
        "{error}"
    );
}

#[tokio::test]
async fn endless_recursion_ends_at_the_stack_limit() {
    let recurse = "(i32.add (i32.const 1) (call $apply
        (local.get 0) (local.get 1) (local.get 2) (local.get 3)))";
    let error = apply_once(&transform(recurse), limits()).await.unwrap_err().to_string();
    assert!(error.contains("`plugin_stack_size`"), "{error}");
}

#[tokio::test]
async fn a_trap_is_told_with_the_function_it_happened_in() {
    let error = apply_once(&transform("(unreachable)"), limits()).await.unwrap_err().to_string();
    assert!(error.starts_with("it trapped: ") && error.contains("unreachable"), "{error}");
    assert!(error.contains("`apply`"), "{error}");
}

#[tokio::test]
async fn an_instance_that_trapped_answers_no_more() {
    let home = Home::new();
    let loaded = home.component(&transform("(unreachable)"));
    let setup = setup(PluginKind::Transform, limits());
    let mut instance = TransformInstance::start(&loaded, &setup).await.unwrap();
    let budget = Budget { cpu: PATIENCE, time: PATIENCE };
    for _ in 0..2 {
        let ended = instance.apply("http", &["{}"], budget).await;
        assert!(matches!(ended, Err(CallError::Trap(_))), "{ended:?}");
    }
}

#[tokio::test]
async fn verdicts_must_be_as_many_as_entries() {
    let error = apply_once(&transform("(i32.const 2048)"), limits()).await;
    assert_eq!(error, Err(CallError::WrongCount { expected: 1, found: 0 }));
}

#[tokio::test]
async fn a_call_that_is_too_large_is_not_made_and_the_instance_goes_on() {
    let home = Home::new();
    let loaded = home.component(&transform(KEEP_ALL));
    let limits = Limits { entries_per_call: 2, bytes_per_call: ByteSize(6), ..limits() };
    let setup = setup(PluginKind::Transform, limits);
    let mut instance = TransformInstance::start(&loaded, &setup).await.unwrap();
    let budget = Budget { cpu: PATIENCE, time: PATIENCE };
    for (entries, key) in [
        (["{}", "{}", "{}"].as_slice(), "limits.entries_per_call"),
        (["{\"a\":1}"].as_slice(), "limits.bytes_per_call"),
    ] {
        let error = instance.apply("http", entries, budget).await.unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
    assert_eq!(instance.apply("http", &["{}"], budget).await, Ok(vec![Verdict::Keep]));
}

/// `$count` times the verdict `replace` with the same 900 000 bytes of empty memory as its text.
fn replaces(count: u32) -> String {
    transform(&format!(
        "(local $at i32) (local $left i32)
        (local.set $at (call $alloc
            (i32.const 0) (i32.const 0) (i32.const 4) (i32.const {bytes})))
        (i32.store (i32.const 2048) (local.get $at))
        (i32.store (i32.const 2052) (i32.const {count}))
        (local.set $left (i32.const {count}))
        (loop
            (i32.store (local.get $at) (i32.const 2))
            (i32.store offset=4 (local.get $at) (i32.const 131072))
            (i32.store offset=8 (local.get $at) (i32.const 900000))
            (local.set $at (i32.add (local.get $at) (i32.const 12)))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if 0 (local.get $left)))
        (i32.const 2048)",
        bytes = count * 12,
    ))
}

#[tokio::test]
async fn a_call_hands_over_no_more_bytes_than_its_limit() {
    let limits = Limits { bytes_per_call: ByteSize(899_999), ..limits() };
    let error = apply_once(&replaces(1), limits.clone()).await.unwrap_err();
    let expected =
        CallError::TooMuch { what: "bytes", limit: 899_999, key: "limits.bytes_per_call" };
    assert_eq!(error, expected);
    let limits = Limits { bytes_per_call: ByteSize(900_000), ..limits };
    assert_eq!(apply_once(&replaces(1), limits).await.unwrap().len(), 1);
}

#[tokio::test]
async fn verdicts_that_share_their_text_a_thousand_times_are_not_copied() {
    let error = apply_once(&replaces(1_000), limits()).await.unwrap_err();
    assert!(matches!(error, CallError::TooMuch { key: "limits.bytes_per_call", .. }), "{error}");
}
