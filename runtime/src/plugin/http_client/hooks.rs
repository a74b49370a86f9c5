//! How `wasi:http` sends the requests of a plugin.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use wasmtime_wasi_http::{
    Error as WasiError, RequestOptions, Result as WasiResult, WasiBody, WasiHttpHooks,
};

use crate::plugin::grants::HttpGate;

use super::{Times, send};

/// What a guest may write to a request's body at once. The host keeps two of these per body, and a guest has as many
/// bodies as its handles allow.
const MAX_CHUNK: usize = 16 << 10;

/// What `wasi:http` asks its host to do.
pub(in crate::plugin) struct Hooks {
    gate: Arc<HttpGate>,
}

type Driver = Box<dyn Future<Output = WasiResult<()>> + Send>;
type Sent = Box<dyn Future<Output = WasiResult<(Response<WasiBody>, Driver)>> + Send>;

impl Hooks {
    pub(in crate::plugin) fn new(gate: Arc<HttpGate>) -> Self {
        Self { gate }
    }
}

impl WasiHttpHooks for Hooks {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Driver,
    ) -> Sent {
        let gate = Arc::clone(&self.gate);
        let times = Times::of(options.unwrap_or_default(), gate.time_limit);
        Box::new(async move {
            let response = send(&gate, request, times).await.map_err(WasiError::from)?;
            // The body drives its connection itself.
            Ok((response, Box::new(async { Ok(()) }) as Driver))
        })
    }
}

impl Times {
    /// What the guest asks for, below its limit. A tenth less than that, so that it learns of the timeout before its
    /// wait for the response is itself too long.
    fn of(options: RequestOptions, limit: Duration) -> Self {
        let most = limit.mul_f64(0.9);
        let bounded = |asked: Option<Duration>| asked.map_or(most, |asked| asked.min(most));
        Self {
            connect: bounded(options.connect_timeout),
            headers: bounded(options.first_byte_timeout),
            pause: bounded(options.between_bytes_timeout),
        }
    }
}
