//! Reading, replaying and purging dead letters, and positions, through an open [`Store`].

use std::time::Duration;

use tempfile::TempDir;

use super::super::dead_letters::{
    letter_totals, newest_letter, oldest_letters, purge_letters, read_letter,
};
use super::super::{Store, open_beside};
use super::*;
use crate::config::{Config, Migration};
use crate::domain::{LetterTotals, Receipt};

fn config(directory: &TempDir) -> Config {
    let mut config = Config::default();
    config.database.sqlite_dir = directory.path().to_owned();
    config.database.auto_rollout = true;
    let rollout = vec![TABLE.replace("PRAGMA foreign_keys = ON;", "")];
    config.migrations = vec![Migration { version: 1, rollout, rollback: Vec::new() }];
    config
}

async fn deliver(store: &Store, delivery: Delivery) -> Receipt {
    let room = store.queue().try_reserve(delivery.byte_len()).expect("room");
    let pending = store.queue().push(delivery, room).expect("open");
    pending.await.expect("an answer").expect("stored")
}

fn letters(entries: &[&str]) -> Delivery {
    Delivery { letters: entries.iter().map(|one| letter(one)).collect(), ..Delivery::default() }
}

fn ids(letters: &[KeptLetter]) -> Vec<i64> {
    letters.iter().map(|letter| letter.id).collect()
}

#[tokio::test]
async fn a_replayed_letter_goes_with_the_commit_of_its_row() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(&directory);
    let metrics = Metrics::default();
    let store = Store::open(&config, &metrics).expect("opened");
    deliver(&store, letters(&["{a}", "{b}"])).await;

    let replay = Delivery {
        rows: rows(&[("a", "known")]),
        originals: originals(&["{a}"]),
        answered_letters: vec![1],
        ..Delivery::default()
    };
    assert_eq!(deliver(&store, replay).await.stored, 1);
    store.close();

    let connection = open_beside(&config.database).expect("opened");
    assert_eq!(messages(&connection), [(1, "a".into())]);
    assert_eq!(ids(&kept(&connection)), [2]);
    assert_eq!((metrics.dead_letters_replayed.get(), metrics.dead_letters_kept.get()), (1, 1));
    assert_totals_are_exact(&connection);
}

#[test]
fn a_letter_whose_replay_fails_again_stays_one_letter() {
    let mut committer = committer(TABLE);
    write(&mut committer, &letters(&["{refused}"]));
    let replay = Delivery {
        rows: rows(&[("refused", "known")]),
        originals: originals(&["{refused}"]),
        answered_letters: vec![1],
        ..Delivery::default()
    };

    assert_eq!(write(&mut committer, &replay).refused.len(), 1);

    let kept = kept(&committer.connection);
    assert_eq!(ids(&kept), [2]);
    assert!(kept.iter().all(|one| one.letter.reason.contains("CHECK")), "{kept:?}");
    assert_eq!(newest_letter(&committer.connection).expect("a number"), 2);
}

#[test]
fn a_replay_that_the_commit_fails_for_leaves_its_letter_or_a_new_one() {
    let mut committer = committer(TABLE);
    write(&mut committer, &letters(&["{a}"]));
    let replay = Delivery {
        rows: rows(&[("a", "none")]),
        originals: originals(&["{a}"]),
        answered_letters: vec![1],
        ..Delivery::default()
    };

    committer.write(&[&replay], Vec::new()).expect_err("a deferred constraint");
    assert_eq!(ids(&kept(&committer.connection)), [1]);
    committer.write_apart(&replay).expect("written");

    assert_eq!(kept_entries(&committer.connection), ["{a}"]);
    assert_eq!(ids(&kept(&committer.connection)), [2]);
    assert_totals_are_exact(&committer.connection);
}

#[test]
fn a_letter_that_two_replay_at_once_is_stored_once() {
    let mut committer = committer(TABLE);
    write(&mut committer, &letters(&["{a}", "{b}"]));
    let replay = |message, answered_letters| Delivery {
        rows: rows(&[(message, "known")]),
        letters: vec![letter("another failure")],
        originals: originals(&["{a}"]),
        answered_letters,
        ..Delivery::default()
    };

    let both = [&replay("first", vec![1]), &replay("second", vec![2, 1])];
    let receipts = committer.write(&both, Vec::new()).expect("written");

    assert_eq!(receipts.iter().map(|one| one.stored).collect::<Vec<_>>(), [1, 0]);
    let reasons: Vec<_> = receipts.iter().flat_map(|one| &one.refused).collect();
    assert!(reasons.iter().all(|one| one.error.contains("dead letter 1 is gone")), "{reasons:?}");
    assert_eq!(messages(&committer.connection), [(1, "first".into())]);
    assert_eq!(kept_entries(&committer.connection), ["another failure", "{b}"]);
}

#[test]
fn letters_are_found_by_source_number_and_age_page_by_page() {
    let mut committer = committer(TABLE);
    write(&mut committer, &letters(&["1", "2", "3", "4", "5"]));
    let connection = &committer.connection;
    let of_http = "UPDATE loglite_dead_letters SET source = 'http' WHERE id IN (2, 4)";
    connection.execute(of_http, []).expect("changed");
    let aged = "UPDATE loglite_dead_letters SET time = '2001-01-01T00:00:00.000Z' WHERE id < 3";
    connection.execute(aged, []).expect("changed");
    let all = LetterFilter::default();
    let http = LetterFilter { source: Some(SourceName::http()), ..all.clone() };
    let some = LetterFilter { ids: vec![1..=2, 5..=9], ..all.clone() };
    let old = LetterFilter { older_than: Some(Duration::from_secs(3600)), ..all.clone() };
    let newest = |filter, before, limit| {
        ids(&newest_letters(connection, filter, before, limit).expect("letters"))
    };

    assert_eq!(newest(&all, None, 2), [5, 4]);
    assert_eq!(newest(&all, Some(4), 2), [3, 2]);
    assert_eq!(newest(&http, None, 9), [4, 2]);
    assert_eq!(newest(&some, None, 9), [5, 2, 1]);
    assert_eq!(newest(&old, None, 9), [2, 1]);
    assert_eq!(ids(&oldest_letters(connection, &some, 1, 9).expect("letters")), [2, 5]);
    let one = read_letter(connection, 2).expect("readable").expect("there");
    assert_eq!((one.id, one.letter.entry.as_str()), (2, "2"));
    assert_eq!(read_letter(connection, 6).expect("readable"), None);
}

#[test]
fn a_page_of_large_letters_is_short_and_none_is_left_out() {
    let mut committer = committer(TABLE);
    let large = "x".repeat(3 << 20);
    write(&mut committer, &letters(&[&large, &large, &large]));
    let mut after = 0;
    let mut seen = Vec::new();
    loop {
        let page = oldest_letters(&committer.connection, &LetterFilter::default(), after, 100);
        let page = ids(&page.expect("letters"));
        assert!(page.len() < 3, "{page:?}");
        let Some(last) = page.last() else { break };
        after = *last;
        seen.extend(page);
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
async fn letters_are_purged_beside_a_running_service_and_its_totals_follow() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(&directory);
    let metrics = Metrics::default();
    let store = Store::open(&config, &metrics).expect("opened");
    let many: Vec<_> = (0..1300).map(|at| at.to_string()).collect();
    deliver(&store, letters(&many.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let other = open_beside(&config.database).expect("a second connection");

    let none = LetterFilter { source: Some(SourceName::http()), ..LetterFilter::default() };
    assert_eq!(purge_letters(&other, &none).expect("purged"), 0);
    let first = LetterFilter { ids: vec![1..=1], ..LetterFilter::default() };
    assert_eq!(purge_letters(&other, &first).expect("purged"), 1);
    assert_eq!(purge_letters(&other, &LetterFilter::default()).expect("purged"), 1299);

    deliver(&store, letters(&["later"])).await;
    assert_eq!(kept_entries(&other), ["later"]);
    assert_totals_are_exact(&other);
    assert_eq!(metrics.dead_letters_kept.get(), 1);
    assert_eq!(ids(&kept(&other)), [1301], "numbers are not used again");
    store.close();
}

#[tokio::test]
async fn a_database_of_an_older_loglite_reads_as_empty_and_opens() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = config(&directory);
    let path = config.database.path();
    let old = Connection::open(&path).expect("made");
    old.execute_batch(TABLE).expect("a table");
    let version = "CREATE TABLE versions (version INTEGER PRIMARY KEY, applied_at TIMESTAMP);
        INSERT INTO versions VALUES (1, NULL); INSERT INTO Log (message) VALUES ('old')";
    old.execute_batch(version).expect("a mark");
    drop(old);
    let beside = open_beside(&config.database).expect("opened");
    assert_eq!(letter_totals(&beside).expect("totals"), LetterTotals::default());
    assert_eq!(purge_letters(&beside, &LetterFilter::default()).expect("purged"), 0);
    assert_eq!((kept(&beside), newest_letter(&beside).expect("none")), (vec![], 0));
    assert_eq!(read_letter(&beside, 1).expect("readable"), None);
    drop(beside);

    let store = Store::open(&config, &Metrics::default()).expect("opened");
    let delivery = Delivery { rows: rows(&[("new", "known")]), ..letters(&["{}"]) };
    assert_eq!(deliver(&store, delivery).await.stored, 1);
    store.close();

    let connection = open_beside(&config.database).expect("opened");
    assert_eq!((messages(&connection).len(), kept(&connection).len()), (2, 1));
}

#[tokio::test]
async fn a_source_reads_the_position_of_what_is_still_queued() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(&config(&directory), &Metrics::default()).expect("opened");
    let read = async || store.checkpoint("weather".into()).await.expect("readable");
    assert_eq!(read().await, None);
    let delivery = Delivery { checkpoints: position(b"12"), ..Delivery::default() };
    let room = store.queue().try_reserve(0).expect("room");
    let unanswered = store.queue().push(delivery, room);

    assert_eq!(read().await, Some(Checkpoint(b"12".to_vec())));
    assert_eq!(store.checkpoint("other".into()).await.expect("readable"), None);

    drop(unanswered);
    store.close();
    assert!(store.checkpoint("weather".into()).await.is_err());
}
