//! What was received and is not stored yet: how far a harvester is behind, and what is lost when it is cut off.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use crate::metrics::HarvesterMetrics;

/// All that a run of a harvester holds. When it goes, it tells what was not stored.
#[derive(Debug)]
pub(super) struct Held {
    metrics: HarvesterMetrics,
    totals: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    bytes: u64,
    unstored_messages: u64,
}

/// A share of it, and the room it takes. Messages of one that is dropped before it is stored count as lost.
#[derive(Debug)]
pub(super) struct Load {
    held: Arc<Held>,
    bytes: u64,
    messages: u64,
    /// Whether its bytes are in the totals: those of a line that has no end yet are nothing to store.
    is_under_way: bool,
    room: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn new(metrics: HarvesterMetrics) -> Arc<Self> {
        metrics.set_lag(0);
        Arc::new(Self { metrics, totals: Mutex::default() })
    }

    /// A share of which nothing was received yet.
    pub(super) fn load(self: &Arc<Self>) -> Load {
        Load { held: Arc::clone(self), bytes: 0, messages: 0, is_under_way: false, room: None }
    }

    /// The gauge is set under the lock, so that it never keeps an older number.
    fn change(&self, by: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        by(&mut totals);
        self.metrics.set_lag(totals.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let totals = self.totals.get_mut().unwrap_or_else(PoisonError::into_inner);
        if totals.unstored_messages > 0 {
            warn!(
                harvester = self.metrics.name(),
                messages = totals.unstored_messages,
                "received and not stored, as the storage took nothing until the end; senders that wait for the \
                 connection's close learn it"
            );
        }
    }
}

impl Load {
    /// Adds bytes that were received.
    pub(super) fn receive(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.held.metrics.bytes.inc_by(bytes as u64);
    }

    /// How many messages the bytes so far have made.
    pub(super) fn count(&mut self, messages: usize) {
        self.messages = messages as u64;
    }

    /// Keeps the room until it is stored.
    pub(super) fn occupy(&mut self, room: OwnedSemaphorePermit) {
        self.room = Some(room);
    }

    pub(super) fn has_room(&self) -> bool {
        self.room.is_some()
    }

    /// What it holds is stored.
    pub(super) fn settle(mut self) {
        self.messages = 0;
    }

    /// What it holds so far goes on its way, and nothing is left behind. It keeps as much of its room as it needs.
    pub(super) fn set_off(&mut self, needed: usize) -> Self {
        let empty = self.held.load();
        let mut load = std::mem::replace(self, empty);
        if let Some(room) = &mut load.room {
            drop(room.split(room.num_permits().saturating_sub(needed)));
        }
        load.is_under_way = true;
        load.held.change(|totals| totals.bytes += load.bytes);
        load
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let bytes = if self.is_under_way { self.bytes } else { 0 };
        self.held.metrics.lost.inc_by(self.messages);
        self.held.change(|totals| {
            totals.bytes = totals.bytes.saturating_sub(bytes);
            totals.unstored_messages += self.messages;
        });
    }
}
