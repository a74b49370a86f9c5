//! Dead letters are bounded by count, size and age, and the oldest go.

use std::time::Duration;

use super::*;
use crate::domain::ByteSize;

fn deliver(committer: &mut Committer, entries: &[&str]) {
    let letters = entries.iter().map(|entry| letter(entry)).collect();
    write(committer, &Delivery { letters, ..Delivery::default() });
}

#[test]
fn past_the_count_the_oldest_letters_go_and_are_counted() {
    let metrics = Metrics::default();
    let bounds = DeadLettersConfig { max_count: 3, ..DeadLettersConfig::default() };
    let mut committer = committer_within(TABLE, bounds, &metrics);

    deliver(&mut committer, &["1", "2"]);
    deliver(&mut committer, &["3", "4", "5"]);

    assert_eq!(kept_entries(&committer.connection), ["5", "4", "3"]);
    assert_totals_are_exact(&committer.connection);
    assert_eq!((metrics.dead_letters_written.get(), metrics.dead_letters_purged.get()), (5, 2));
    assert_eq!(metrics.dead_letters_kept.get(), 3);
}

#[test]
fn past_the_size_the_oldest_letters_go() {
    let bounds = DeadLettersConfig { max_size: ByteSize(2500), ..DeadLettersConfig::default() };
    let mut committer = committer_within(TABLE, bounds, &Metrics::default());
    let entries: Vec<_> = ["ä", "b", "c", "d"].iter().map(|one| one.repeat(500)).collect();

    deliver(&mut committer, &entries.iter().map(String::as_str).collect::<Vec<_>>());

    let firsts: Vec<_> = kept_entries(&committer.connection);
    assert_eq!(firsts, [entries[3].as_str(), &entries[2], &entries[1]], "ä takes two bytes");
    assert_totals_are_exact(&committer.connection);
}

#[test]
fn letters_past_their_age_go_with_the_next_commit_of_letters() {
    let mut committer = committer(TABLE);
    deliver(&mut committer, &["old", "new"]);
    let aged = "UPDATE loglite_dead_letters SET time = '2001-01-01T00:00:00.000Z' WHERE id = 1";
    committer.connection.execute(aged, []).expect("aged");

    deliver(&mut committer, &["newer"]);

    assert_eq!(kept_entries(&committer.connection), ["newer", "new"]);
}

#[test]
fn bounds_that_were_lowered_hold_from_the_next_start_on() {
    let mut committer = committer(TABLE);
    let entries: Vec<_> = (0..1200).map(|at| at.to_string()).collect();
    deliver(&mut committer, &entries.iter().map(String::as_str).collect::<Vec<_>>());
    let bounds = DeadLettersConfig { max_count: 2, ..DeadLettersConfig::default() };

    LetterBox::open(&mut committer.connection, bounds, Metrics::default()).expect("opened");

    assert_eq!(kept_entries(&committer.connection), ["1199", "1198"]);
}

#[test]
fn an_age_beyond_all_dates_deletes_nothing() {
    let bounds = DeadLettersConfig {
        max_age: Duration::from_secs(u64::MAX),
        ..DeadLettersConfig::default()
    };
    let mut committer = committer_within(TABLE, bounds, &Metrics::default());
    deliver(&mut committer, &["a"]);
    assert_eq!(kept_entries(&committer.connection), ["a"]);
}
