//! How many values a column has, by those that were seen in blocks of its rows.

use super::column::{Certainty, Distinct};
use super::sample::Sample;
use super::tally::Tally;

/// The values of a column of the sample.
pub(super) fn distinct(sample: &Sample, tally: &Tally) -> Distinct {
    let seen = tally.seen.len() as u64;
    if tally.is_full {
        return Distinct { count: seen, certainty: Certainty::AtLeast };
    }
    if sample.is_whole() {
        return Distinct { count: seen, certainty: Certainty::Exact };
    }
    let count = unseen(sample, tally).saturating_add(seen).min(sample.rows).max(seen);
    Distinct { count, certainty: Certainty::Estimated }
}

/// The estimate "Chao2" (<https://en.wikipedia.org/wiki/Unseen_species_problem>): blocks are the samples, so that values
/// that lie together, such as those of one request, are not taken for frequent ones. Those seen in one block only can't
/// be more in the whole table than it has times the rows.
fn unseen(sample: &Sample, tally: &Tally) -> u64 {
    let in_blocks =
        |blocks| tally.seen.values().filter(|seen| seen.blocks == blocks).count() as f64;
    let (once, twice) = (in_blocks(1), in_blocks(2));
    let pairs = if twice > 0.0 { once * once / (2.0 * twice) } else { once * (once - 1.0) / 2.0 };
    let unread = sample.rows as f64 / sample.rows_read.max(1) as f64 - 1.0;
    pairs.min(once * unread).max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use rusqlite::types::ValueRef;

    use super::super::tally::TimeTally;
    use super::*;

    /// A sample of 100 blocks of 100 rows, of a table of 1 000 000, with the value that `of` gives for a row of it.
    fn estimated(of: impl Fn(i64) -> i64) -> u64 {
        let mut tally = Tally::new(1 << 20, false);
        for block in 0..100 {
            for row in 0..100 {
                tally.add(ValueRef::Integer(of(block * 10_000 + row)), block.cast_unsigned() + 1);
            }
        }
        let sample = Sample {
            rows: 1_000_000,
            rows_read: 10_000,
            blocks: 100,
            tallies: Vec::new(),
            times: TimeTally::default(),
        };
        distinct(&sample, &tally).count
    }

    #[test]
    fn values_that_come_again_everywhere_are_all_there_are() {
        assert_eq!(estimated(|row| row % 7), 7);
    }

    #[test]
    fn values_of_one_row_each_are_as_many_as_rows() {
        assert_eq!(estimated(|row| row), 1_000_000);
    }

    #[test]
    fn values_that_lie_together_are_estimated_by_how_many_rows_have_them() {
        assert_eq!(estimated(|row| row / 5), 200_000);
    }

    #[test]
    fn values_of_which_some_were_seen_twice_are_estimated_by_those() {
        let scattered = |row: i64| {
            let mut hasher = DefaultHasher::new();
            row.hash(&mut hasher);
            (hasher.finish() % 20_000).cast_signed()
        };
        let count = estimated(scattered);
        assert!((18_000..=22_000).contains(&count), "{count}");
    }
}
