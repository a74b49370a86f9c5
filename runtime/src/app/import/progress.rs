//! How far an import is, for whoever shows it meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that rise while the import runs.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    skipped: AtomicU64,
    lines: AtomicU64,
}

impl Progress {
    /// Bytes of the inputs that were read or skipped, compressed ones as they are.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Of these bytes, those that were skipped, as they had been imported before.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Lines that were read.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn skip(&self, bytes: u64) {
        self.skipped.fetch_add(bytes, Ordering::Relaxed);
        self.read(bytes);
    }

    pub(super) fn lines_read(&self, lines: u64) {
        self.lines.fetch_add(lines, Ordering::Relaxed);
    }
}
