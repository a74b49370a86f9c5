//! The ids of values that were met lately: what spares most rows a look into the dictionary.
//!
//! Bounded in values and in bytes: when the younger half is full, it becomes the older one, and what was there is
//! forgotten unless it is met again.

use std::collections::HashMap;

use rusqlite::types::ValueRef;

/// What half of a column's ids may take up.
const HALF_VALUES: usize = 32 << 10;
const HALF_BYTES: usize = 4 << 20;

/// Ids by value. Text and numbers are apart: `"1"` and `1` are two values.
#[derive(Debug, Default)]
pub(super) struct KnownIds {
    young: Half,
    old: Half,
}

#[derive(Debug, Default)]
struct Half {
    texts: HashMap<Box<[u8]>, i64>,
    integers: HashMap<i64, i64>,
    /// By their bits.
    reals: HashMap<u64, i64>,
    /// Of texts.
    bytes: usize,
}

impl KnownIds {
    /// The id of a value, if it was met lately.
    pub(super) fn get(&mut self, value: ValueRef<'_>) -> Option<i64> {
        if let Some(id) = self.young.get(value) {
            return Some(id);
        }
        let id = self.old.get(value)?;
        self.insert(value, id);
        Some(id)
    }

    /// Remembers a value's id.
    pub(super) fn insert(&mut self, value: ValueRef<'_>, id: i64) {
        if self.young.is_full() {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(value, id);
    }
}

impl Half {
    fn get(&self, value: ValueRef<'_>) -> Option<i64> {
        match value {
            ValueRef::Text(text) => self.texts.get(text),
            ValueRef::Integer(integer) => self.integers.get(&integer),
            ValueRef::Real(real) => self.reals.get(&real.to_bits()),
            ValueRef::Null | ValueRef::Blob(_) => None,
        }
        .copied()
    }

    fn insert(&mut self, value: ValueRef<'_>, id: i64) {
        match value {
            ValueRef::Text(text) => {
                self.bytes += text.len();
                self.texts.insert(text.into(), id);
            }
            ValueRef::Integer(integer) => {
                self.integers.insert(integer, id);
            }
            ValueRef::Real(real) => {
                self.reals.insert(real.to_bits(), id);
            }
            // Entries hold none.
            ValueRef::Null | ValueRef::Blob(_) => {}
        }
    }

    fn is_full(&self) -> bool {
        let values = self.texts.len() + self.integers.len() + self.reals.len();
        values >= HALF_VALUES || self.bytes >= HALF_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers_that_look_alike_are_different_values() {
        let mut known = KnownIds::default();
        let values = [ValueRef::Text(b"1"), ValueRef::Integer(1), ValueRef::Real(1.0)];
        for (value, id) in values.into_iter().zip(1..) {
            assert_eq!(known.get(value), None);
            known.insert(value, id);
        }
        assert_eq!(values.map(|value| known.get(value)), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_is_met_again_stays_while_the_rest_is_forgotten() {
        let mut known = KnownIds::default();
        known.insert(ValueRef::Text(b"often"), 1);
        for integer in 0..4 * HALF_VALUES as i64 {
            known.insert(ValueRef::Integer(integer), integer);
            assert_eq!(known.get(ValueRef::Text(b"often")), Some(1));
        }
        assert_eq!(known.get(ValueRef::Integer(0)), None);
        assert!(known.young.integers.len() + known.old.integers.len() <= 2 * HALF_VALUES);
    }

    #[test]
    fn long_texts_fill_it_earlier() {
        let mut known = KnownIds::default();
        for at in 0..100_i64 {
            known.insert(ValueRef::Text(&vec![b'a' + (at % 26) as u8; 1 << 20 | at as usize]), at);
            assert!(known.young.bytes + known.old.bytes <= 2 * HALF_BYTES + (4 << 20));
        }
    }
}
