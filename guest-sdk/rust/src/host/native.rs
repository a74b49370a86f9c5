//! The fake host of a native test.

use std::time::Duration;

use crate::cut::Rejection;
use crate::harvest::Receipt;
use crate::http::{Error, Request, Response};
use crate::log::Level;
use crate::testing::state;

/// Without a fake host a message has no reader: a transform under test needs none only to log.
pub(crate) fn log(level: Level, message: &str) {
    state::with_any(|state| state.logged.push((level, message.to_owned())));
}

pub(crate) fn stopping() -> bool {
    state::with(|state| state.stopping())
}

pub(crate) fn sleep(milliseconds: u64) -> bool {
    state::with(|state| state.sleep(Duration::from_millis(milliseconds)))
}

pub(crate) fn last_checkpoint() -> Option<Vec<u8>> {
    state::with(|state| state.checkpoint.clone())
}

pub(crate) fn ingest(entries: &[String], checkpoint: Option<&[u8]>) -> Result<Receipt, Rejection> {
    state::with(|state| state.ingest(entries, checkpoint))
}

pub(crate) fn send(request: Request) -> Result<Response, Error> {
    state::with(|state| state.send(request))
}
