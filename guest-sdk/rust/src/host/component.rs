//! The component's imports.

use crate::cut::Rejection;
use crate::export::component::harvester::loglite::plugin::{http, ingestor, lifecycle, logging};
use crate::harvest::{Receipt, Refusal};
use crate::http::{Error, Request, Response};
use crate::log::Level;

pub(crate) fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    logging::log(level, message);
}

pub(crate) fn stopping() -> bool {
    lifecycle::stopping()
}

pub(crate) fn sleep(milliseconds: u64) -> bool {
    lifecycle::sleep(milliseconds)
}

pub(crate) fn last_checkpoint() -> Option<Vec<u8>> {
    ingestor::last_checkpoint()
}

pub(crate) fn ingest(entries: &[String], checkpoint: Option<&[u8]>) -> Result<Receipt, Rejection> {
    match ingestor::ingest(entries, checkpoint) {
        Ok(receipt) => Ok(receipt_of(receipt)),
        Err(ingestor::IngestError::Stopping) => Err(Rejection::Stopping),
        Err(ingestor::IngestError::TooManyEntries(most)) => {
            Err(Rejection::TooManyEntries(size(most.into())))
        }
        Err(ingestor::IngestError::TooManyBytes(most)) => Err(Rejection::TooManyBytes(size(most))),
    }
}

pub(crate) fn send(request: Request) -> Result<Response, Error> {
    let request = http::Request {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        timeout_ms: request.timeout.map(|t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX)),
    };
    match http::send(&request) {
        Ok(answer) => Ok(Response::new(answer.status, answer.headers, answer.body)),
        Err(http::HttpError::Denied(reason)) => Err(Error::Denied(reason)),
        Err(http::HttpError::InvalidRequest(reason)) => Err(Error::InvalidRequest(reason)),
        Err(http::HttpError::Timeout) => Err(Error::Timeout),
        Err(http::HttpError::TooLarge(most)) => Err(Error::TooLarge(most)),
        Err(http::HttpError::Failed(reason)) => Err(Error::Failed(reason)),
    }
}

fn receipt_of(receipt: ingestor::Receipt) -> Receipt {
    let refusal = |refusal: ingestor::Refusal| Refusal {
        index: size(refusal.index.into()),
        reason: refusal.reason,
    };
    Receipt {
        stored: receipt.stored.into(),
        dropped: receipt.dropped.into(),
        refused: receipt.refused.into_iter().map(refusal).collect(),
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
