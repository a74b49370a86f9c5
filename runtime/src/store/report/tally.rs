//! What is counted while rows are read: values by column, and moments.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::{Timestamp, ToSpan};
use rusqlite::types::ValueRef;

use super::size::stored_bytes;
use super::time::moment;

/// Days that are counted, the latest ones.
const MOST_DAYS: usize = 1024;
/// What says how much is written at present.
const RECENT_DAYS: i64 = 7;
const DAY_SECONDS: i64 = 86_400;

/// One value of a column.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    pub(super) rows: u64,
    /// How many blocks of rows have it.
    pub(super) blocks: u64,
    /// What it takes in a row.
    pub(super) bytes: u64,
    last_block: u64,
}

/// The values of one column.
#[derive(Debug)]
pub(super) struct Tally {
    /// By id where the column holds ids, else by hash.
    pub(super) seen: HashMap<u64, Seen>,
    room: usize,
    /// Whether there were more values than there is room for.
    pub(super) is_full: bool,
    pub(super) nulls: u64,
    /// Rows that have a value.
    pub(super) filled: u64,
    /// Rows whose value stands for itself although the column holds ids.
    pub(super) plain: u64,
    /// What the values take that are not NULL.
    pub(super) bytes: u64,
    holds_ids: bool,
}

impl Tally {
    pub(super) fn new(room: usize, holds_ids: bool) -> Self {
        let seen = HashMap::new();
        Self { seen, room, is_full: false, nulls: 0, filled: 0, plain: 0, bytes: 0, holds_ids }
    }

    pub(super) fn add(&mut self, value: ValueRef<'_>, block: u64) {
        if value == ValueRef::Null {
            self.nulls += 1;
            return;
        }
        self.filled += 1;
        let bytes = stored_bytes(value);
        self.bytes += bytes;
        let is_id = self.holds_ids && matches!(value, ValueRef::Integer(_));
        self.plain += u64::from(!is_id);
        let key = if is_id { id_of(value) } else { hash(value) };
        let is_new = !self.seen.contains_key(&key);
        if is_new && self.seen.len() >= self.room {
            self.is_full = true;
            return;
        }
        let seen = self.seen.entry(key).or_default();
        seen.rows += 1;
        seen.bytes = bytes;
        if is_new || seen.last_block != block {
            seen.blocks += 1;
            seen.last_block = block;
        }
    }
}

fn id_of(value: ValueRef<'_>) -> u64 {
    if let ValueRef::Integer(id) = value { id.cast_unsigned() } else { 0 }
}

fn hash(value: ValueRef<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        ValueRef::Null => 0_u8.hash(&mut hasher),
        ValueRef::Integer(integer) => (1_u8, integer).hash(&mut hasher),
        ValueRef::Real(real) => (2_u8, real.to_bits()).hash(&mut hasher),
        ValueRef::Text(text) => (3_u8, text).hash(&mut hasher),
        ValueRef::Blob(bytes) => (4_u8, bytes).hash(&mut hasher),
    }
    hasher.finish()
}

/// The moments in the timestamp column.
#[derive(Debug)]
pub(super) struct TimeTally {
    /// Entries by day since 1970 (UTC).
    pub(super) days: BTreeMap<i64, u64>,
    pub(super) oldest: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
    pub(super) unreadable: u64,
    /// Entries of the last days before `now`.
    pub(super) recent: u64,
    now: Timestamp,
    recent_from: Timestamp,
}

impl Default for TimeTally {
    fn default() -> Self {
        let now = Timestamp::now();
        let recent_from = now.checked_sub((RECENT_DAYS * 24).hours()).unwrap_or(now);
        let (days, oldest, newest) = (BTreeMap::new(), None, None);
        Self { days, oldest, newest, unreadable: 0, recent: 0, now, recent_from }
    }
}

impl TimeTally {
    pub(super) fn add(&mut self, value: ValueRef<'_>) {
        let Some(moment) = moment(value) else {
            self.unreadable += 1;
            return;
        };
        self.stretch(moment);
        self.recent += u64::from(moment > self.recent_from && moment <= self.now);
        *self.days.entry(moment.as_second().div_euclid(DAY_SECONDS)).or_default() += 1;
        if self.days.len() > MOST_DAYS {
            self.days.pop_first();
        }
    }

    /// Takes note of a moment that is counted elsewhere.
    pub(super) fn stretch(&mut self, moment: Timestamp) {
        self.oldest = Some(self.oldest.map_or(moment, |oldest| oldest.min(moment)));
        self.newest = Some(self.newest.map_or(moment, |newest| newest.max(moment)));
    }
}
