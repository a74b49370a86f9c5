//! What the host keeps for one instance, and how it is made.

use crate::domain::PluginKind;
use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::config::Access;

use super::http_client::Hooks;
use super::limiter::Limiter;
use super::log_gate::Level;
use super::meter::{Meter, Span};
use super::stdio::LineOutput;
use super::{CallError, Door, Engine, PluginSetup};

/// How many times the bytes of a call may reach us, to be refused with an error that the plugin can understand. With
/// still more it is ended.
const REFUSABLE: usize = 4;

/// What one call may draw from the random number generator.
const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// The headers of one request or response, as the host keeps them. A guest has as many of these as its handles allow.
const MAX_HEADER_BYTES: usize = 32 << 10;

/// What a call hands over takes this much on our side besides its text, per entry.
const BYTES_PER_ENTRY: usize = 64;

/// What calls may hand over that is no entry: headers, paths, bodies.
const SPARE_BYTES: usize = 1 << 20;

/// The data of an instance's store.
pub(super) struct Guest {
    pub(super) setup: Arc<PluginSetup>,
    pub(super) meter: Arc<Meter>,
    pub(super) limiter: Limiter,
    /// A harvester's way into the pipeline; transforms have none.
    pub(super) door: Option<Arc<dyn Door>>,
    pub(super) stopping: CancellationToken,
    pub(super) table: ResourceTable,
    /// The pollables in `table` that wait for a clock.
    pub(super) clocks: HashSet<u32>,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    hooks: Hooks,
}

/// The CPU budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("the CPU budget is used up")]
pub(super) struct OutOfCpu;

impl Guest {
    /// A store for one instance, with all limits set.
    pub(super) fn store(
        engine: &Engine,
        setup: &Arc<PluginSetup>,
        door: Option<Arc<dyn Door>>,
        stopping: CancellationToken,
    ) -> Result<Store<Self>, CallError> {
        let limits = &setup.limits;
        let span = match setup.kind {
            PluginKind::Transform => Span::Call,
            PluginKind::Harvester => Span::Slice,
        };
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        let guest = Self {
            meter: Arc::new(Meter::new(span, limits.time_per_call)),
            limiter: Limiter::new(limits, setup.metrics.clone()),
            door,
            stopping,
            table,
            clocks: HashSet::new(),
            wasi: wasi(setup)?,
            wasi_http: wasi_http(),
            hooks: Hooks::new(Arc::clone(&setup.http)),
            setup: Arc::clone(setup),
        };
        let mut store = Store::new(&engine.wasmtime, guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(hostcall_fuel(setup));
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            if store.data().meter.may_go_on() {
                // Tokio's own way to yield: after any other one it runs this task again dozens of times before it
                // looks at sockets and timers.
                Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
            } else {
                Err(OutOfCpu.into())
            }
        });
        Ok(store)
    }
}

/// Messages that were dropped are told at the latest when the instance ends.
impl Drop for Guest {
    fn drop(&mut self) {
        self.setup.log.settle();
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.wasi_http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// The bytes that the guest can make us allocate in one call. Lists may overlap in its memory, so that this is not
/// bounded by its size.
fn hostcall_fuel(setup: &PluginSetup) -> usize {
    let limits = &setup.limits;
    let entries = limits.entries_per_call.saturating_mul(BYTES_PER_ENTRY);
    let bytes = limits.bytes_per_call.as_usize().saturating_mul(REFUSABLE);
    bytes.saturating_add(entries).saturating_add(SPARE_BYTES)
}

fn wasi_http() -> WasiHttpCtx {
    let mut context = WasiHttpCtx::new();
    context.set_field_size_limit(MAX_HEADER_BYTES);
    context
}

fn wasi(setup: &PluginSetup) -> Result<WasiCtx, CallError> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(LineOutput::new(Level::Info, &setup.log))
        .stderr(LineOutput::new(Level::Warn, &setup.log))
        .envs(setup.environment.variables())
        .max_random_size(MAX_RANDOM_BYTES)
        // The gate is asked for each address, and tells which one was denied.
        .allow_tcp(true)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    let gate = Arc::clone(&setup.tcp);
    wasi.socket_addr_check(move |address, purpose| {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            match purpose {
                SocketAddrUse::TcpConnect => gate.may_connect(address).await,
                // A connection binds its own end to any address, which is not the same as taking connections.
                SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => {
                    true
                }
                _ => {
                    gate.deny_listening();
                    false
                }
            }
        })
    });
    for dir in &setup.dirs {
        let permissions = match dir.access {
            Access::Read => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        wasi.preopened_dir(&dir.host, &dir.guest, permissions).map_err(|error| {
            let host = dir.host.display();
            CallError::Failed(format!(
                "can't open the directory `{host}` of `grant.dirs`: {error:#}"
            ))
        })?;
    }
    Ok(wasi.build())
}
