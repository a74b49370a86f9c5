//! `wasi:sockets/ip-name-lookup`: names that are granted, and the addresses that loglite itself would connect to.

use std::net::IpAddr;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use crate::plugin::guest::Guest;

/// Linkers match versions that differ in the last number only.
const INTERFACE: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// The addresses that are left to tell. They are all known from the start.
struct Addresses(std::vec::IntoIter<IpAddr>);

#[async_trait]
impl Pollable for Addresses {
    async fn ready(&mut self) {}
}

type Store<'a> = StoreContextMut<'a, Guest>;

/// Links the interface.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut instance = linker.instance(INTERFACE)?;
    let stream = ResourceType::host::<Addresses>();
    instance.resource("resolve-address-stream", stream, |mut store, rep| {
        store.data_mut().table.delete(Resource::<Addresses>::new_own(rep))?;
        Ok(())
    })?;
    instance.func_wrap_async(
        "resolve-addresses",
        |store, (network, name): (Resource<Network>, String)| {
            Box::new(async move { Ok((resolve(store, network, &name).await?,)) })
        },
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |store, (stream,): (Resource<Addresses>,)| Ok((next(store, &stream)?,)),
    )?;
    instance.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: Store<'_>,
         (stream,): (Resource<Addresses>,)|
         -> wasmtime::Result<(Resource<DynPollable>,)> {
            let guest = store.data_mut();
            guest.meter.inside();
            Ok((subscribe(&mut guest.table, stream)?,))
        },
    )
}

async fn resolve(
    mut store: Store<'_>,
    network: Resource<Network>,
    name: &str,
) -> wasmtime::Result<Result<Resource<Addresses>, ErrorCode>> {
    let guest = store.data_mut();
    guest.meter.outside();
    guest.table.get(&network)?;
    let gate = Arc::clone(&guest.setup.tcp);
    let addresses = match gate.resolve(name).await {
        Ok(Some(addresses)) => addresses,
        Ok(None) => return Ok(Err(ErrorCode::AccessDenied)),
        Err(error) => {
            tracing::debug!(%error, name, "a plugin's name has no address");
            return Ok(Err(ErrorCode::NameUnresolvable));
        }
    };
    Ok(Ok(guest.table.push(Addresses(addresses.into_iter()))?))
}

fn next(
    mut store: Store<'_>,
    stream: &Resource<Addresses>,
) -> wasmtime::Result<Result<Option<IpAddress>, ErrorCode>> {
    let guest = store.data_mut();
    guest.meter.inside();
    Ok(Ok(guest.table.get_mut(stream)?.0.next().map(IpAddress::from)))
}
