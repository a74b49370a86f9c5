//! The interfaces of `wit/` that plugins import, as far as they are no gate to the outside.

use crate::domain::PluginKind;
use wasmtime::component::{HasData, Linker};

use crate::domain::{Checkpoint, EntryText, Receipt};

use super::bindings::{http, ingestor, lifecycle, logging, types};
use super::guest::Guest;
use super::http_client;
use super::log_gate::Level;

/// The interfaces see the whole instance.
struct Imports;

impl HasData for Imports {
    type Data<'a> = &'a mut Guest;
}

/// What a plugin of this kind may import besides WASI.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>, kind: PluginKind) -> wasmtime::Result<()> {
    logging::add_to_linker::<Guest, Imports>(linker, counted)?;
    http::add_to_linker::<Guest, Imports>(linker, counted)?;
    types::add_to_linker::<Guest, Imports>(linker, counted)?;
    if kind == PluginKind::Harvester {
        lifecycle::add_to_linker::<Guest, Imports>(linker, counted)?;
        ingestor::add_to_linker::<Guest, Imports>(linker, counted)?;
    }
    Ok(())
}

/// Each call of the guest comes through here. None of these waits without a bound of its own, or is meant to wait.
fn counted(guest: &mut Guest) -> &mut Guest {
    guest.meter.inside();
    guest
}

impl types::Host for Guest {}

impl logging::Host for Guest {
    fn log(&mut self, level: logging::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            logging::Level::Debug => Level::Debug,
            logging::Level::Info => Level::Info,
            logging::Level::Warn => Level::Warn,
            logging::Level::Error => Level::Error,
        };
        self.setup.log.write(level, &message);
        Ok(())
    }
}

impl lifecycle::Host for Guest {
    fn stopping(&mut self) -> wasmtime::Result<bool> {
        Ok(self.stopping.is_cancelled())
    }

    async fn sleep(&mut self, milliseconds: u64) -> wasmtime::Result<bool> {
        self.setup.log.settle();
        let time = std::time::Duration::from_millis(milliseconds);
        tokio::select! {
            () = self.stopping.cancelled() => Ok(true),
            () = tokio::time::sleep(time) => Ok(false),
        }
    }
}

impl ingestor::Host for Guest {
    async fn ingest(
        &mut self,
        entries: Vec<String>,
        checkpoint: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<ingestor::Receipt, ingestor::IngestError>> {
        let limits = &self.setup.limits;
        if entries.len() > limits.entries_per_call {
            let most = u32::try_from(limits.entries_per_call).unwrap_or(u32::MAX);
            return Ok(Err(ingestor::IngestError::TooManyEntries(most)));
        }
        let bytes: usize = entries.iter().map(String::len).sum();
        let bytes = bytes.saturating_add(checkpoint.as_ref().map_or(0, Vec::len));
        if bytes > limits.bytes_per_call.as_usize() {
            return Ok(Err(ingestor::IngestError::TooManyBytes(limits.bytes_per_call.0)));
        }
        let Some(door) = self.door.clone() else {
            return Ok(Err(ingestor::IngestError::Stopping));
        };
        let entries = entries.into_iter().map(EntryText::from).collect();
        Ok(match door.ingest(entries, checkpoint.map(Checkpoint)).await {
            Ok(receipt) => Ok(receipt.into()),
            Err(super::Closed) => Err(ingestor::IngestError::Stopping),
        })
    }

    async fn last_checkpoint(&mut self) -> wasmtime::Result<Option<Vec<u8>>> {
        let Some(door) = self.door.clone() else { return Ok(None) };
        Ok(door.last_checkpoint().await.map(|checkpoint| checkpoint.0))
    }
}

impl http::Host for Guest {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::HttpError>> {
        Ok(http_client::exchange(&self.setup.http, request).await)
    }
}

/// Entries that a transform has failed on are refused, to the harvester.
impl From<Receipt> for ingestor::Receipt {
    fn from(receipt: Receipt) -> Self {
        let mut refused: Vec<_> = [receipt.refused, receipt.dead].into_iter().flatten().collect();
        refused.sort_by_key(|refusal| refusal.index);
        let refused = refused.into_iter().map(|refusal| ingestor::Refusal {
            index: u32::try_from(refusal.index).unwrap_or(u32::MAX),
            reason: refusal.error,
        });
        Self {
            stored: u32::try_from(receipt.stored).unwrap_or(u32::MAX),
            dropped: u32::try_from(receipt.dropped).unwrap_or(u32::MAX),
            refused: refused.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Refusal;

    #[test]
    fn entries_that_a_transform_failed_on_are_refused_in_the_order_of_the_call() {
        let refusal = |index, error: &str| Refusal { index, error: error.into() };
        let receipt = ingestor::Receipt::from(Receipt {
            stored: 3,
            dropped: 1,
            refused: vec![refusal(2, "b"), refusal(5, "d")],
            dead: vec![refusal(1, "a"), refusal(4, "c")],
        });
        assert_eq!((receipt.stored, receipt.dropped), (3, 1));
        let reasons: Vec<_> =
            receipt.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
        assert_eq!(reasons, ["a", "b", "c", "d"]);
    }
}
