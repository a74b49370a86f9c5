//! All of a delivery is committed, or none.

use std::time::{Duration, Instant};

use super::super::Fault;
use super::*;

#[test]
fn rows_letters_and_position_are_committed_together() {
    let mut committer = committer(TABLE);
    let delivery = Delivery {
        rows: rows(&[("a", "known"), ("refused", "known"), ("b", "known")]),
        letters: vec![letter("no entry")],
        checkpoints: position(b"7"),
        originals: originals(&["{a}", "{refused}", "{b}"]),
        ..Delivery::default()
    };

    let receipt = write(&mut committer, &delivery);

    assert_eq!((receipt.stored, receipt.refused.len()), (2, 1));
    let connection = &committer.connection;
    assert_eq!(messages(connection), [(1, "a".into()), (2, "b".into())]);
    assert_eq!(kept_entries(connection), ["{refused}", "no entry"]);
    assert_eq!(saved(connection).as_deref(), Some(b"7".as_slice()));
    let newest = kept(connection).into_iter().next().expect("a letter");
    assert_eq!(newest.letter.source, "weather".into());
    assert!(newest.letter.reason.contains("CHECK constraint failed"), "{newest:?}");
    assert!(newest.time.ends_with('Z') && newest.time.len() == 24, "{newest:?}");
    assert_totals_are_exact(connection);
}

#[test]
fn without_originals_a_refused_row_is_only_told() {
    let mut committer = committer(TABLE);
    let receipt = write(&mut committer, &rows(&[("refused", "known")]).into());
    assert_eq!(receipt.refused.len(), 1);
    assert_eq!(kept(&committer.connection), []);
}

#[test]
fn a_delivery_without_rows_is_stored() {
    let mut committer = committer(TABLE);
    for (at, entry) in ["a", "b"].into_iter().enumerate() {
        let delivery = Delivery {
            letters: vec![letter(entry)],
            checkpoints: position(&[at as u8]),
            ..Delivery::default()
        };
        write(&mut committer, &delivery);
    }
    assert_eq!(kept_entries(&committer.connection), ["b", "a"]);
    assert_eq!(saved(&committer.connection), Some(vec![1]));
}

#[test]
fn an_entry_with_a_refused_part_is_one_letter_and_nothing_of_it_is_stored() {
    let mut committer = committer(TABLE);
    let mut builder = RowBatchBuilder::default();
    for message in ["refused", "a", "refused"] {
        push_row(&mut builder, 0, message, "known");
    }
    push_row(&mut builder, 1, "b", "known");
    let delivery = Delivery {
        rows: builder.build(),
        originals: originals(&["{whole}", "{b}"]),
        ..Delivery::default()
    };
    let receipt = write(&mut committer, &delivery);
    assert_eq!((receipt.stored, receipt.refused.len()), (1, 1));
    assert_eq!(messages(&committer.connection), [(1, "b".into())]);
    assert_eq!(kept_entries(&committer.connection), ["{whole}"]);
}

#[test]
fn a_row_that_rolls_the_transaction_back_doubles_no_letter() {
    let mut committer = committer(TABLE);
    let delivery = Delivery {
        rows: rows(&[("same", "known"), ("same", "known"), ("b", "known")]),
        letters: vec![letter("no entry")],
        checkpoints: position(b"1"),
        originals: originals(&["{1}", "{2}", "{3}"]),
        ..Delivery::default()
    };
    assert_eq!(write(&mut committer, &delivery).stored, 2);
    assert_eq!(kept_entries(&committer.connection), ["{2}", "no entry"]);
    assert_totals_are_exact(&committer.connection);
}

#[test]
fn rows_that_the_commit_fails_for_become_letters_and_the_rest_is_stored_at_once() {
    let mut committer = committer(TABLE);
    let services = ["known", "none", "known", "known", "no other", "known"];
    let values: Vec<_> = ["0", "1", "2", "refused", "4", "5"].into_iter().zip(services).collect();
    let delivery = Delivery {
        rows: rows(&values),
        letters: vec![letter("no entry")],
        checkpoints: position(b"9"),
        originals: originals(&["{0}", "{1}", "{2}", "{3}", "{4}", "{5}"]),
        ..Delivery::default()
    };
    let failed = committer.write(&[&delivery], Vec::new()).expect_err("a deferred constraint");
    assert_eq!(Fault::of(&failed), Fault::Constraint);
    assert_eq!((messages(&committer.connection), saved(&committer.connection)), (vec![], None));
    assert_eq!(kept(&committer.connection), []);

    let receipt = committer.write_apart(&delivery).expect("written");

    let refused: Vec<_> = receipt.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!((receipt.stored, refused), (3, vec![1, 3, 4]));
    let connection = &committer.connection;
    assert_eq!(messages(connection), [(1, "0".into()), (2, "2".into()), (3, "5".into())]);
    assert_eq!(kept_entries(connection), ["{4}", "{3}", "{1}", "no entry"]);
    assert!(kept(connection).iter().any(|one| one.letter.reason.contains("FOREIGN KEY")));
    assert_eq!(saved(connection).as_deref(), Some(b"9".as_slice()));
}

#[test]
fn rows_that_need_each_other_are_not_torn_apart_by_the_search_for_a_faulty_one() {
    let mut committer = committer(
        "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT UNIQUE,
             parent TEXT REFERENCES Log (message) DEFERRABLE INITIALLY DEFERRED);
         PRAGMA foreign_keys = ON;",
    );
    let family =
        [("root", "root"), ("a", "root"), ("b", "a"), ("orphan", "none"), ("c", "b"), ("d", "c")];
    let receipt = committer.write_apart(&rows(&family).into()).expect("written");
    assert_eq!(receipt.stored, 5);
    assert_eq!(receipt.refused.iter().map(|refusal| refusal.index).collect::<Vec<_>>(), [3]);
}

#[test]
fn the_search_among_rows_that_depend_ends_soon_however_many_are_faulty() {
    let mut committer = committer(
        "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT UNIQUE,
             parent TEXT REFERENCES Log (message) DEFERRABLE INITIALLY DEFERRED);
         PRAGMA foreign_keys = ON;",
    );
    let names: Vec<_> = (0..2000).map(|at| at.to_string()).collect();
    let family: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(at, name)| (name.as_str(), if at % 2 == 0 { name.as_str() } else { "none" }))
        .collect();
    let begun = Instant::now();
    let receipt = committer.write_apart(&rows(&family).into()).expect("written");
    assert_eq!((receipt.stored, receipt.refused.len()), (1000, 1000));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn rows_that_only_fail_together_are_refused_and_the_position_moves() {
    let mut committer = committer(
        "CREATE TABLE Services (name TEXT PRIMARY KEY);
         CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT, service TEXT);
         CREATE TABLE Twice (name TEXT REFERENCES Services (name) DEFERRABLE INITIALLY DEFERRED);
         PRAGMA foreign_keys = ON;",
    );
    let trigger = "CREATE TRIGGER together AFTER INSERT ON loglite_checkpoints
        WHEN (SELECT count(*) FROM Log) > 0 BEGIN INSERT INTO Twice VALUES ('none'); END";
    committer.connection.execute_batch(trigger).expect("a trigger");
    let delivery = Delivery {
        rows: rows(&[("a", ""), ("b", "")]),
        checkpoints: position(b"2"),
        originals: originals(&["{a}", "{b}"]),
        ..Delivery::default()
    };
    let receipt = committer.write_apart(&delivery).expect("written");
    assert_eq!((receipt.stored, receipt.refused.len()), (0, 2));
    assert_eq!(kept_entries(&committer.connection), ["{b}", "{a}"]);
    assert_eq!(saved(&committer.connection).as_deref(), Some(b"2".as_slice()));
}

#[test]
fn a_full_storage_takes_nothing_of_a_delivery() {
    let mut committer = committer(TABLE);
    write(&mut committer, &Delivery { checkpoints: position(b"old"), ..Delivery::default() });
    let limit = "PRAGMA max_page_count = 40";
    committer.connection.query_row(limit, [], |_| Ok(())).expect("a limit");
    let delivery = |bytes| Delivery {
        rows: rows(&[("a", "known")]),
        letters: vec![letter("first"), letter(&"x".repeat(bytes))],
        checkpoints: position(b"new"),
        ..Delivery::default()
    };

    let failed = committer.write(&[&delivery(1 << 20)], Vec::new()).expect_err("full");

    assert_eq!(Fault::of(&failed), Fault::Full);
    assert_eq!((messages(&committer.connection), kept(&committer.connection)), (vec![], vec![]));
    assert_eq!(saved(&committer.connection).as_deref(), Some(b"old".as_slice()));
    assert_totals_are_exact(&committer.connection);
    assert_eq!(write(&mut committer, &delivery(1)).stored, 1, "a smaller one fits");
    assert_eq!(messages(&committer.connection), [(1, "a".into())]);
}
