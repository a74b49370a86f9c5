//! Values of ids as they were read once, for all readers. An id never gets another value, so nothing here grows old.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::Value;

use crate::domain::ColumnId;

/// Memory for values. What was not asked for of late makes room.
const MOST_BYTES: usize = 16 << 20;
/// What an entry of the map takes beside the value's bytes, about.
const BYTES_PER_ENTRY: usize = 160;

/// A column and an id of a value in it.
pub(super) type Place = (ColumnId, i64);

/// A value from the dictionary, ready to be written.
#[derive(Debug)]
pub(in crate::store) struct KnownValue {
    /// The value that clients see.
    pub(in crate::store) value: Value,
    /// The same as JSON.
    pub(in crate::store) json: Vec<u8>,
}

/// Values that readers share. Two generations: when the younger one has filled its half of the memory, it becomes the
/// older one, and what that held is forgotten.
#[derive(Debug, Default)]
pub(in crate::store) struct ValueCache {
    generations: Mutex<Generations>,
}

type Values = HashMap<Place, Arc<KnownValue>>;

#[derive(Debug, Default)]
struct Generations {
    young: Values,
    young_bytes: usize,
    old: Values,
}

impl ValueCache {
    pub(super) fn get(&self, place: Place) -> Option<Arc<KnownValue>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.young.get(&place) {
            return Some(Arc::clone(value));
        }
        let value = generations.old.remove(&place)?;
        generations.add(place, Arc::clone(&value));
        Some(value)
    }

    pub(super) fn add(&self, place: Place, value: Arc<KnownValue>) {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner).add(place, value);
    }
}

impl Generations {
    fn add(&mut self, place: Place, value: Arc<KnownValue>) {
        let bytes = value.bytes();
        if self.young_bytes + bytes > MOST_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(place, value);
    }
}

impl KnownValue {
    fn bytes(&self) -> usize {
        let of_value = match &self.value {
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
        };
        BYTES_PER_ENTRY + of_value + self.json.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: usize) -> Arc<KnownValue> {
        Arc::new(KnownValue { value: Value::Null, json: vec![0; bytes] })
    }

    #[test]
    fn memory_is_bounded_and_what_is_asked_for_stays() {
        let cache = ValueCache::default();
        let often = (ColumnId(0), 0);
        cache.add(often, value(1));
        for id in 1..1000 {
            cache.add((ColumnId(1), id), value(100_000));
            assert!(cache.get(often).is_some(), "{id}");
        }
        let generations = cache.generations.lock().expect("no panic before");
        let kept = generations.young.values().chain(generations.old.values());
        let bytes: usize = kept.map(|value| value.bytes()).sum();
        assert!((MOST_BYTES / 4..=MOST_BYTES).contains(&bytes), "{bytes}");
    }
}
