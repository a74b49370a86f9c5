//! What both kinds of instances do: run a call under its limits, and say why it came to nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::ResourceTableError;
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::bindings::types::Failure;
use super::guest::{Guest, OutOfCpu};
use super::log_gate::told;
use super::meter::WaitedTooLong;
use super::{CallError, PluginSetup};

/// Innermost frames that an error names.
const FRAMES: usize = 3;

/// What a call may take, and where the configuration says so.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) cpu: Duration,
    pub(super) cpu_key: &'static str,
    /// Waiting included; without it, the call may last.
    pub(super) time: Option<Duration>,
    pub(super) time_key: &'static str,
    pub(super) what: &'static str,
}

impl Bounds {
    /// Those of the way from instantiation to the first call.
    pub(super) fn start(setup: &PluginSetup) -> Self {
        let limit = setup.limits.start_time;
        Self {
            cpu: limit,
            cpu_key: "limits.start_time",
            time: Some(limit),
            time_key: "limits.start_time",
            what: "its start",
        }
    }
}

/// Runs what `call` does with the store.
pub(super) async fn run<'s, T, F>(
    store: &'s mut Store<Guest>,
    bounds: Bounds,
    call: impl FnOnce(&'s mut Store<Guest>) -> F,
) -> Result<T, Interrupted>
where
    F: Future<Output = wasmtime::Result<T>>,
{
    let meter = Arc::clone(&store.data().meter);
    store.data_mut().limiter.forget_refusal();
    // What was written in earlier calls does not explain a trap in this one.
    drop(store.data().setup.log.last_words());
    meter.begin(bounds.cpu);
    let watched = meter.watch(call(store));
    let ended = match bounds.time {
        Some(time) => {
            tokio::time::timeout(time, watched).await.map_err(|_| Interrupted::Timeout)?
        }
        None => watched.await,
    };
    match ended {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(Interrupted::Error(error)),
        Err(WaitedTooLong) => Err(Interrupted::Waited),
    }
}

/// A call that did not return.
#[derive(Debug)]
pub(super) enum Interrupted {
    /// The whole call took too long.
    Timeout,
    /// A call to the host waited for too long.
    Waited,
    /// wasmtime ended it.
    Error(wasmtime::Error),
}

impl Interrupted {
    /// What to tell of it.
    pub(super) fn explain(self, store: &Store<Guest>, bounds: Bounds) -> CallError {
        let setup = &store.data().setup;
        match self {
            Self::Timeout => CallError::TimeLimit {
                what: bounds.what,
                limit: bounds.time.unwrap_or_default(),
                key: bounds.time_key,
            },
            Self::Waited => CallError::TimeLimit {
                what: "waiting for files or network",
                limit: setup.limits.time_per_call,
                key: "limits.time_per_call",
            },
            Self::Error(error) => explain(&error, store, bounds),
        }
    }
}

fn explain(error: &wasmtime::Error, store: &Store<Guest>, bounds: Bounds) -> CallError {
    let limits = &store.data().setup.limits;
    if error.is::<OutOfCpu>() {
        return CallError::CpuLimit { limit: bounds.cpu, key: bounds.cpu_key };
    }
    let cause = error.root_cause().to_string();
    let is_full = error
        .downcast_ref::<ResourceTableError>()
        .is_some_and(|e| matches!(e, ResourceTableError::Full));
    if is_full || cause.contains("handle limit exceeded") {
        let limit = limits.handles as u64;
        return CallError::MemoryLimit { what: "handles", limit, key: "limits.handles" };
    }
    // The error's type is private to wasmtime; a test notices when the text changes.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        let limit = limits.bytes_per_call.0;
        return CallError::TooMuch { what: "bytes", limit, key: "limits.bytes_per_call" };
    }
    if let Some(refusal) = store.data().limiter.refusal() {
        return refusal;
    }
    if error.is::<I32Exit>() {
        return CallError::Failed("it exited with an error".into());
    }
    let reason = trap_reason(error, &cause);
    let words = store.data().setup.log.last_words();
    CallError::Trap(if words.is_empty() { reason } else { format!("{reason}; it wrote: {words}") })
}

fn trap_reason(error: &wasmtime::Error, cause: &str) -> String {
    let what = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            "its calls nest deeper than `plugin_stack_size` allows".to_owned()
        }
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => cause.to_owned(),
    };
    let frames = error.downcast_ref::<WasmBacktrace>().map(innermost).unwrap_or_default();
    // The names come from the plugin's file.
    if frames.is_empty() {
        what
    } else {
        told(&format!("{what}, in {}", frames.join(" called by ")))
    }
}

fn innermost(trace: &WasmBacktrace) -> Vec<String> {
    let names = trace.frames().iter().filter_map(|frame| frame.func_name());
    // The alternate form leaves out the hash at the end of Rust's names.
    let names: Vec<_> = names.map(|name| format!("{:#}", rustc_demangle::demangle(name))).collect();
    let own = names.iter().skip_while(|name| is_library(name));
    let shown: Vec<_> = own.take(FRAMES).map(|name| format!("`{name}`")).collect();
    if shown.is_empty() { names.into_iter().take(FRAMES).collect() } else { shown }
}

/// How a Rust program ends itself says nothing about why.
fn is_library(name: &str) -> bool {
    let is_abort = matches!(name, "abort" | "__rust_start_panic" | "rust_begin_unwind");
    let path = name.trim_start_matches(['_', '<']);
    is_abort || ["std::", "core::", "alloc::", "rust"].iter().any(|part| path.starts_with(part))
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::InvalidConfig(text) => Self::BadConfig(told(&text)),
            Failure::Failed(text) => Self::Failed(told(&text)),
        }
    }
}
