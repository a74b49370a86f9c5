//! `wasi:http/types`, where the host keeps what a guest hands over: a guest has as many requests as its handles allow,
//! and none of its limits counts the texts in them.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest, Method, OutgoingRequest};

use super::http_of;
use crate::plugin::guest::Guest;

/// As wasmtime spells it: these functions take the place of its own.
const INTERFACE: &str = "wasi:http/types@0.2.12";

/// Longer than any method that servers know, in bytes.
const MAX_METHOD: usize = 64;
/// Longer than the longest name with a port, in bytes.
const MAX_AUTHORITY: usize = 512;

type Store<'a> = StoreContextMut<'a, Guest>;

/// A setter's answer: whether the text is accepted.
type Answer = wasmtime::Result<(Result<(), ()>,)>;

/// Bounds the texts that have no bound of their own. The interface must be linked already.
pub(super) fn bound_texts(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: Store<'_>, (request, method): (Resource<OutgoingRequest>, Method)| -> Answer {
            if matches!(&method, Method::Other(text) if text.len() > MAX_METHOD) {
                return Ok((Err(()),));
            }
            Ok((http_of(store.data_mut()).set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: Store<'_>,
         (request, authority): (Resource<OutgoingRequest>, Option<String>)|
         -> Answer {
            if authority.as_ref().is_some_and(|text| text.len() > MAX_AUTHORITY) {
                return Ok((Err(()),));
            }
            Ok((http_of(store.data_mut()).set_authority(request, authority)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
