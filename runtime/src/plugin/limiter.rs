//! How much memory an instance may have: all its memories and tables together.

use wasmtime::ResourceLimiter;

use crate::config::Limits;
use crate::metrics::PluginMetrics;

use super::CallError;

/// More than any component has that a toolchain made. Each costs the host some memory that no other limit counts.
const MAX_INSTANCES: usize = 1_000;
const MAX_TABLES: usize = 1_000;
const MAX_MEMORIES: usize = 100;

/// Counts what the instance has and refuses what is too much. A refusal is an error code to the guest, which most
/// guests answer with a trap: what was refused last tells why.
#[derive(Debug)]
pub(super) struct Limiter {
    memory: Account,
    tables: Account,
    refused: Option<Kind>,
    metrics: PluginMetrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Memory,
    Tables,
}

#[derive(Debug)]
struct Account {
    used: usize,
    limit: usize,
    /// What the growth that was allowed last has added: taken back if it then fails.
    latest: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits, metrics: PluginMetrics) -> Self {
        let account = |limit| Account { used: 0, limit, latest: 0 };
        Self {
            memory: account(limits.memory.as_usize()),
            tables: account(limits.table_elements),
            refused: None,
            metrics,
        }
    }

    /// The size of all memories, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory.used
    }

    /// A new call begins: what was refused in earlier ones does not explain a trap in this one.
    pub(super) fn forget_refusal(&mut self) {
        self.refused = None;
    }

    /// Why a trap came about, if it followed a refusal.
    pub(super) fn refusal(&self) -> Option<CallError> {
        Some(match self.refused? {
            Kind::Memory => CallError::MemoryLimit {
                what: "memory",
                limit: self.memory.limit as u64,
                key: "limits.memory",
            },
            Kind::Tables => CallError::MemoryLimit {
                what: "table elements",
                limit: self.tables.limit as u64,
                key: "limits.table_elements",
            },
        })
    }

    fn grow(&mut self, kind: Kind, current: usize, desired: usize) -> bool {
        let account = match kind {
            Kind::Memory => &mut self.memory,
            Kind::Tables => &mut self.tables,
        };
        let allowed = account.grow(desired.saturating_sub(current));
        if !allowed {
            self.refused = Some(kind);
        } else if kind == Kind::Memory {
            self.metrics.set_memory(self.memory.used);
        }
        allowed
    }
}

impl Account {
    fn grow(&mut self, more: usize) -> bool {
        let fits = self.used.checked_add(more).is_some_and(|total| total <= self.limit);
        if fits {
            self.used += more;
            self.latest = more;
        }
        fits
    }

    fn take_back(&mut self) {
        self.used -= std::mem::take(&mut self.latest);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Past its own maximum it fails anyway, and not because of us.
        let is_possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(is_possible && self.grow(Kind::Memory, current, desired))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a plugin's memory did not grow");
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(is_possible && self.grow(Kind::Tables, current, desired))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        tracing::debug!(%error, "a plugin's table did not grow");
        self.tables.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        let limits = Limits {
            memory: crate::domain::ByteSize(300),
            table_elements: 10,
            ..Limits::of_transform()
        };
        Limiter::new(&limits, PluginMetrics::of_nobody())
    }

    #[test]
    fn all_memories_together_stay_below_the_limit() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 200, None).unwrap());
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert_eq!(limiter.refusal(), None);
        assert!(!limiter.memory_growing(100, 101, None).unwrap());
        assert_eq!(limiter.memory(), 300);
        let refusal = limiter.refusal().unwrap().to_string();
        assert_eq!(refusal, "it needs more memory than its `limits.memory` allows (300B)");
    }

    #[test]
    fn all_tables_together_stay_below_the_limit() {
        let mut limiter = limiter();
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert!(limiter.refusal().unwrap().to_string().contains("limits.table_elements"));
    }

    #[test]
    fn growth_that_failed_does_not_count() {
        let mut limiter = limiter();
        assert!(limiter.memory_growing(0, 300, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert!(limiter.memory_growing(0, 300, None).unwrap());
    }

    #[test]
    fn a_memory_that_is_full_by_its_own_type_is_not_refused_by_us() {
        let mut limiter = limiter();
        assert!(!limiter.memory_growing(0, 200, Some(100)).unwrap());
        assert_eq!((limiter.memory(), limiter.refusal()), (0, None));
    }
}
