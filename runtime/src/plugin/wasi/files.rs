//! `wasi:filesystem/types`, where a guest opens files: not as many as would take the service's file descriptors.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, Host, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::files_of;
use crate::plugin::guest::Guest;

/// As wasmtime spells it: this function takes the place of its own.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// Files, directories and streams, which keep a file open without its descriptor. Enough for guests that read a
/// directory of files one after another.
const MAX_FILES: usize = 128;

/// What `open-at` takes: where to begin, how to follow links, the path, and how to open it.
type Wanted = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
type Opened = Result<Resource<Descriptor>, ErrorCode>;

/// Bounds how many files are open at once. The interface must be linked already.
pub(super) fn bound_files(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap_async("[method]descriptor.open-at", |store, wanted: Wanted| {
        Box::new(async move { Ok((open(store, wanted).await?,)) })
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn open(mut store: StoreContextMut<'_, Guest>, wanted: Wanted) -> wasmtime::Result<Opened> {
    let guest = store.data_mut();
    if open_files(&mut guest.table) >= MAX_FILES {
        return Ok(Err(ErrorCode::Quota));
    }
    let (directory, links, path, how, rights) = wanted;
    let mut files = files_of(guest);
    match files.open_at(directory, links, path, how, rights).await {
        Ok(opened) => Ok(Ok(opened)),
        Err(error) => Ok(Err(files.convert_error_code(error)?)),
    }
}

fn open_files(table: &mut ResourceTable) -> usize {
    let entries = table.iter_mut();
    let files = entries.filter(|entry| {
        entry.is::<Descriptor>() || entry.is::<DynInputStream>() || entry.is::<DynOutputStream>()
    });
    files.count()
}
