//! Collects what messages are until there is enough for a batch.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::held::{Held, Load};
use crate::harvest::{Line, LineReader};
use crate::pipeline::{Haul, HaulBuilder};

/// A batch is full with so many entries.
const FULL_ENTRIES: usize = 1_000;
/// A batch is full with so many bytes.
pub(super) const FULL_BYTES: usize = 256 << 10;

/// What the smallest batch takes.
const LEAST_BYTES: usize = 1 << 10;

/// A batch in the making.
#[derive(Debug)]
pub(super) struct Basket {
    reader: Arc<LineReader>,
    entries: HaulBuilder,
    load: Load,
}

/// What is handed over at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) haul: Haul,
    pub(super) load: Load,
}

impl Basket {
    pub(super) fn new(reader: &Arc<LineReader>, held: &Arc<Held>) -> Self {
        Self { reader: Arc::clone(reader), entries: HaulBuilder::default(), load: held.load() }
    }

    /// Counts bytes that have come.
    pub(super) fn receive(&mut self, bytes: usize) {
        self.load.receive(bytes);
    }

    /// Adds what a line is.
    pub(super) fn add(&mut self, line: Line<'_>, origin: &str) {
        self.reader.read(line, origin, &mut self.entries);
        self.load.count(self.entries.len());
    }

    /// Keeps this room, in bytes, until the batch is stored, or as much of it as the batch needs.
    pub(super) fn occupy(&mut self, room: OwnedSemaphorePermit) {
        self.load.occupy(room);
    }

    pub(super) fn has_room(&self) -> bool {
        self.load.has_room()
    }

    /// Whether no line has been added.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= FULL_ENTRIES || self.entries.byte_len() >= FULL_BYTES
    }

    /// What was collected, if anything.
    pub(super) fn take(&mut self) -> Option<Batch> {
        if self.is_empty() {
            return None;
        }
        let needed = self.entries.byte_len() + LEAST_BYTES;
        Some(Batch { haul: self.entries.take(), load: self.load.set_off(needed) })
    }
}
