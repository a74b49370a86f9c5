//! Which rows a rule has to look at again, and when.
//!
//! Row ids are never used again, so once the rows of a span of ids were looked at, the oldest timestamp of those that match
//! says when the span is due next. A span without matches is never looked at again. New rows have new ids, however old
//! their timestamps are, so what arrives late is looked at as soon as what arrives in time.

use std::collections::BTreeMap;

use crate::domain::{RowId, UnixMicros};

/// Neighbouring spans become one up to this many ids.
const WIDEST: i64 = 20_000;
/// With more spans than this, each becomes one with its neighbour: ids with gaps make many spans of few rows.
const MOST_SPANS: usize = 65_536;

/// Ids, both included, with the oldest time of the rows in them that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: RowId,
    pub(super) last: RowId,
    pub(super) oldest: UnixMicros,
}

/// The spans that were looked at and have matches.
#[derive(Debug)]
pub(super) struct Calendar {
    /// By their first ids.
    spans: BTreeMap<i64, (i64, UnixMicros)>,
    /// No row from this id on was looked at; none behind the largest id.
    unseen: Option<RowId>,
}

impl Calendar {
    /// For a table of which nothing is known.
    pub(super) fn new() -> Self {
        Self { spans: BTreeMap::new(), unseen: Some(RowId(i64::MIN)) }
    }

    /// The first span from this id on with rows that are older than `cutoff`.
    pub(super) fn due(&self, from: RowId, cutoff: UnixMicros) -> Option<Span> {
        let mut spans = self.spans.range(from.0..);
        spans.find(|(_, (_, oldest))| *oldest < cutoff).map(|(first, (last, oldest))| Span {
            first: RowId(*first),
            last: RowId(*last),
            oldest: *oldest,
        })
    }

    /// The first id that was never looked at.
    pub(super) fn unseen(&self) -> Option<RowId> {
        self.unseen
    }

    /// The rows up to this one were looked at.
    pub(super) fn see(&mut self, last: RowId) {
        self.unseen = last.0.checked_add(1).map(RowId);
    }

    /// The span has no matches.
    pub(super) fn remove(&mut self, first: RowId) {
        self.spans.remove(&first.0);
    }

    /// The span has matches.
    pub(super) fn insert(&mut self, span: Span) {
        let Span { mut first, last, mut oldest } = span;
        let before = self.spans.range(..first.0).next_back();
        if let Some((before_first, (_, before_oldest))) = before
            && last.0.saturating_sub(*before_first) < WIDEST
        {
            first = RowId(*before_first);
            oldest = oldest.min(*before_oldest);
        }
        self.spans.insert(first.0, (last.0, oldest));
        if self.spans.len() > MOST_SPANS {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut spans = std::mem::take(&mut self.spans).into_iter();
        while let Some((first, (last, oldest))) = spans.next() {
            let merged = spans.next().map_or((last, oldest), |(_, (next_last, next_oldest))| {
                (next_last, oldest.min(next_oldest))
            });
            self.spans.insert(first, merged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: i64, last: i64, oldest: i64) -> Span {
        Span { first: RowId(first), last: RowId(last), oldest: UnixMicros(oldest) }
    }

    fn due(calendar: &Calendar, from: i64, cutoff: i64) -> Option<i64> {
        calendar.due(RowId(from), UnixMicros(cutoff)).map(|span| span.first.0)
    }

    #[test]
    fn a_span_is_due_when_its_oldest_row_is() {
        let mut calendar = Calendar::new();
        calendar.insert(span(1, 20_000, 50));
        calendar.insert(span(20_001, 40_000, 40));

        assert_eq!(due(&calendar, 0, 40), None);
        assert_eq!(due(&calendar, 0, 41), Some(20_001));
        assert_eq!(due(&calendar, 0, 51), Some(1));
        assert_eq!(due(&calendar, 2, 51), Some(20_001));
        calendar.remove(RowId(20_001));
        assert_eq!(due(&calendar, 2, 51), None);
    }

    #[test]
    fn small_neighbours_become_one() {
        let mut calendar = Calendar::new();
        for first in [1, 101, 19_901, 20_001] {
            calendar.insert(span(first, first + 99, -first));
        }
        assert_eq!(calendar.due(RowId(0), UnixMicros(0)), Some(span(1, 20_000, -19_901)));
        assert_eq!(calendar.spans.len(), 2);
    }

    #[test]
    fn spans_are_bounded_also_where_ids_have_gaps() {
        let mut calendar = Calendar::new();
        for at in 0..=200_000 {
            calendar.insert(span(at << 40, at << 40, at));
        }
        assert!(calendar.spans.len() <= MOST_SPANS);
        assert_eq!(due(&calendar, 0, 1), Some(0));
    }

    #[test]
    fn the_largest_id_is_the_end() {
        let mut calendar = Calendar::new();
        assert_eq!(calendar.unseen(), Some(RowId(i64::MIN)));
        calendar.see(RowId(7));
        assert_eq!(calendar.unseen(), Some(RowId(8)));
        calendar.see(RowId(i64::MAX));
        assert_eq!(calendar.unseen(), None);
    }
}
