//! `wasi:io/poll` and the clock that it waits for: a guest may sleep for as long as it likes, but not wait for ever for
//! a socket.

use std::collections::HashSet;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::clocks::{WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi_io::bindings::wasi::io::poll::{self, Host, HostPollable};

use crate::plugin::guest::Guest;
use crate::plugin::meter::Meter;

/// Links both interfaces.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<_, Clock>(linker, |guest| {
        guest.meter.inside();
        ClockView(guest)
    })?;
    poll::add_to_linker::<_, Poll>(linker, |guest| PollView {
        table: &mut guest.table,
        clocks: &mut guest.clocks,
        meter: &guest.meter,
    })
}

struct Clock;

impl HasData for Clock {
    type Data<'a> = ClockView<'a>;
}

struct ClockView<'a>(&'a mut Guest);

impl ClockView<'_> {
    fn wasi(&mut self) -> WasiClocksCtxView<'_> {
        self.0.clocks()
    }

    fn noted(&mut self, pollable: Resource<DynPollable>) -> Resource<DynPollable> {
        self.0.clocks.insert(pollable.rep());
        pollable
    }
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        self.wasi().now()
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        self.wasi().resolution()
    }

    fn subscribe_instant(&mut self, when: Instant) -> wasmtime::Result<Resource<DynPollable>> {
        let pollable = self.wasi().subscribe_instant(when)?;
        Ok(self.noted(pollable))
    }

    fn subscribe_duration(&mut self, time: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        let pollable = self.wasi().subscribe_duration(time)?;
        Ok(self.noted(pollable))
    }
}

struct Poll;

impl HasData for Poll {
    type Data<'a> = PollView<'a>;
}

struct PollView<'a> {
    table: &'a mut ResourceTable,
    clocks: &'a mut HashSet<u32>,
    meter: &'a Meter,
}

impl PollView<'_> {
    fn waits_for(&self, pollables: &[Resource<DynPollable>]) {
        if pollables.iter().any(|pollable| self.clocks.contains(&pollable.rep())) {
            self.meter.inside();
        } else {
            self.meter.outside();
        }
    }
}

impl Host for PollView<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.waits_for(&pollables);
        Host::poll(self.table, pollables).await
    }
}

impl HostPollable for PollView<'_> {
    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.waits_for(std::slice::from_ref(&pollable));
        HostPollable::block(self.table, pollable).await
    }

    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.meter.inside();
        HostPollable::ready(self.table, pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.clocks.remove(&pollable.rep());
        HostPollable::drop(self.table, pollable)
    }
}
