//! Entries of a harvester: all of a call is committed together, and it is waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::domain::{Checkpoint, CheckpointKey};
use crate::pipeline::{IngestError, Misfit};

fn checkpoint(bytes: &[u8]) -> Option<Checkpoint> {
    Some(Checkpoint(bytes.to_vec()))
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it happens");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_row_is_told_and_kept_as_it_came() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let messages = ["keep", "refuse no", "forbidden", "fail it", "drop", "to <forbidden>"];
    let entries = messages.map(entry);
    let mut entries: Vec<_> = entries.iter().map(String::as_str).collect();
    entries.extend(["no JSON", "[1]", "{\"message\": 1e999}"]);

    let receipt = home.ingest(&entries).await;

    assert_eq!(home.messages(), ["keep"]);
    assert_eq!((receipt.stored, receipt.dropped), (1, 1));
    assert_eq!(pairs(&receipt.dead), [(3, "it")]);
    let refused: Vec<_> = receipt.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!(refused, [1, 2, 5, 6, 7, 8]);
    let mut letters = home.letter_texts();
    letters.sort_by_key(|(_, _, kept)| entries.iter().position(|entry| entry == kept));
    let kept: Vec<_> = letters.iter().map(|(_, _, entry)| entry.as_str()).collect();
    assert_eq!(kept, [1, 2, 3, 5, 6, 7, 8].map(|at| *entries.get(at).expect("an entry")));
    let reasons: Vec<_> = receipt.refused.iter().map(|refusal| refusal.error.as_str()).collect();
    let told = letters.iter().map(|(_, reason, _)| reason.as_str()).filter(|one| *one != "it");
    assert!(told.eq(reasons), "{letters:?}");
    assert!(letters.iter().all(|(source, ..)| source == "weather"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_transforms_entries_are_stored_all_the_same() {
    let home = Home::new(&[]);

    let receipt = home.ingest(&[&entry("a"), "x", &entry("b")]).await;

    assert_eq!(home.messages(), ["a", "b"]);
    assert_eq!((receipt.stored, receipt.refused.len()), (2, 1));
    assert_eq!(home.letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_timestamp_gets_the_time_of_arrival_and_not_the_default() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let before = format!("{:.3}", jiff::Timestamp::now());

    home.ingest(&[&entry("keep")]).await;
    home.ingest(&[&entry("to <b>")]).await;
    home.ingest(&["{\"message\": \"keep\", \"timestamp\": \"2000-01-01\"}"]).await;
    home.post(&entry("keep")).await;

    let after = format!("{:.3}", jiff::Timestamp::now());
    let times = home.column("timestamp");
    let [first, second, own, posted] = times.as_slice() else { panic!("{times:?}") };
    for time in [first, second] {
        assert!((&before..=&after).contains(&time), "{before} {time} {after}");
        assert_eq!(time.len(), "2000-01-01T00:00:00.000Z".len(), "{time}");
    }
    assert_eq!((own.as_str(), posted.as_str()), ("2000-01-01", "unknown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_alone_is_stored_and_nothing_at_all_is_no_delivery() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let weather = SourceName::from("weather");
    assert_eq!(home.ingestor.last_checkpoint(&weather).await.expect("readable"), None);

    home.ingestor.ingest(&weather, haul(vec![], checkpoint(b"1"))).await.expect("stored");
    let committed = home.metrics.batches_committed.get();
    let dropped = home.ingest(&[&entry("drop")]).await;
    home.ingest(&[]).await;

    assert_eq!(home.metrics.batches_committed.get(), committed);
    assert_eq!(dropped.dropped, 1);
    assert_eq!(home.ingestor.last_checkpoint(&weather).await.expect("readable"), checkpoint(b"1"));
    let other = home.ingestor.last_checkpoint(&"other".into()).await;
    assert_eq!(other.expect("readable"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_storage_fails_it_tries_again_and_stores_all_of_a_call_once() {
    let home = Arc::new(Home::new(&[]));
    let beside = home.connection();
    beside
        .execute_batch("ALTER TABLE loglite_checkpoints RENAME TO away")
        .expect("positions can't be written");
    let call = tokio::spawn({
        let home = Arc::clone(&home);
        async move {
            let entries = texts(&[&entry("a"), "x"]);
            home.ingestor.ingest(&"weather".into(), haul(entries, checkpoint(b"2"))).await
        }
    });
    until(|| home.metrics.batches_failed.get() > 0).await;
    assert!(home.messages().is_empty() && home.letters().is_empty(), "nothing without the rest");
    assert!(!call.is_finished());

    beside.execute_batch("ALTER TABLE away RENAME TO loglite_checkpoints").expect("mended");
    let receipt = call.await.expect("no panic").expect("stored");

    assert_eq!((receipt.stored, receipt.refused.len()), (1, 1));
    assert_eq!((home.messages().len(), home.letters().len()), (1, 1));
    let last = home.ingestor.last_checkpoint(&"weather".into()).await;
    assert_eq!(last.expect("readable"), checkpoint(b"2"));
}

#[tokio::test(start_paused = true)]
async fn it_waits_ever_longer_for_a_transform_that_takes_nothing() {
    let calls = AtomicUsize::new(0);
    let home = Home::new(&[&Scripted::new("one", move |entries| {
        if calls.fetch_add(1, Ordering::SeqCst) < 7 {
            return Err("it starts".into());
        }
        Ok(vec![Verdict::Keep; entries.len()])
    })]);
    let begun = tokio::time::Instant::now();

    let receipt = home.ingest(&[&entry("a")]).await;

    assert_eq!((receipt.stored, home.messages().len()), (1, 1));
    let waited = begun.elapsed().as_secs_f64();
    assert!((91.0..92.0).contains(&waited), "1 + 2 + 4 + 8 + 16 + 30 + 30 s, not {waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_is_either_done_or_not_begun() {
    let home = Home::new(&[]);
    let weather = SourceName::from("weather");
    for round in 0..20_u8 {
        let last = home.ingestor.last_checkpoint(&weather).await.expect("readable");
        let next = last.map_or(0, |Checkpoint(bytes)| bytes.first().map_or(0, |byte| byte + 1));
        let position = checkpoint(&[next]);
        let call =
            home.ingestor.ingest(&weather, haul(texts(&[&entry(&next.to_string())]), position));
        tokio::pin!(call);
        // Cut off at another point each time.
        for _ in 0..=round % 5 {
            if let std::task::Poll::Ready(outcome) = futures_util::poll!(&mut call) {
                outcome.expect("stored");
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    let last = home.ingestor.last_checkpoint(&weather).await.expect("readable");

    let messages = home.messages();
    let numbers: Vec<_> = (0..messages.len()).map(|number| number.to_string()).collect();
    assert_eq!(messages, numbers, "each once");
    assert_eq!(
        last.map(|Checkpoint(bytes)| usize::from(*bytes.first().expect("a byte")) + 1),
        Some(messages.len())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_service_takes_nothing() {
    let home = Home::new(&[]);
    home.store.close();

    let outcome = home.ingestor.ingest(&"weather".into(), haul(texts(&[&entry("a")]), None)).await;

    assert!(matches!(outcome, Err(IngestError::Stopping)), "{outcome:?}");
}

/// The positions of the inputs of `weather`, by the inputs' names.
async fn inputs(home: &Home) -> Vec<(String, Vec<u8>)> {
    let found = home.ingestor.input_checkpoints(&"weather".into()).await.expect("readable");
    let input = |key: CheckpointKey| key.input().expect("a key of an input").to_owned();
    found.into_iter().map(|(key, Checkpoint(bytes))| (input(key), bytes)).collect()
}

fn of_input(input: &str, bytes: &[u8]) -> (CheckpointKey, Option<Checkpoint>) {
    (CheckpointKey::of_input(&"weather".into(), input), checkpoint(bytes))
}

#[tokio::test(flavor = "multi_thread")]
async fn several_positions_and_misfits_are_committed_with_the_entries() {
    let home = Home::new(&[]);
    let weather = SourceName::from("weather");
    let misfit = Misfit { reason: "too long".into(), text: "{\"mess".into() };
    let mut first = haul(texts(&[&entry("a"), "x"]), checkpoint(b"own"));
    first.misfits.push(misfit);
    first.checkpoints.extend([of_input("a/b", b"1"), of_input("c", b"2")]);

    let receipt = home.ingestor.ingest(&weather, first).await.expect("stored");
    let forgets = Haul {
        checkpoints: vec![of_input("a/b", b"3"), (of_input("c", b"").0, None)],
        ..Haul::default()
    };
    home.ingestor.ingest(&weather, forgets).await.expect("stored");

    assert_eq!((receipt.stored, receipt.refused.len()), (1, 1), "misfits are no entries");
    assert_eq!(home.messages(), ["a"]);
    let mut letters = home.letter_texts();
    letters.sort();
    let reasons: Vec<_> = letters.iter().map(|(_, reason, text)| (&**reason, &**text)).collect();
    assert!(reasons.contains(&("too long", "{\"mess")) && reasons.len() == 2, "{reasons:?}");
    assert_eq!(inputs(&home).await, [("a/b".to_owned(), b"3".to_vec())]);
    let own = home.ingestor.last_checkpoint(&weather).await.expect("readable");
    assert_eq!(own, checkpoint(b"own"));
    assert_eq!(home.metrics.entries_refused.get(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_prepared_is_not_there_until_it_is_stored() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let weather = SourceName::from("weather");
    let of = |number: &str| {
        let mut haul = haul(texts(&[&entry(number)]), None);
        haul.checkpoints.push(of_input("file", number.as_bytes()));
        haul
    };

    let first = home.ingestor.prepare(&weather, of("1")).await.expect("prepared");
    let second = home.ingestor.prepare(&weather, of("2")).await.expect("prepared");
    assert!(home.messages().is_empty() && inputs(&home).await.is_empty());
    home.ingestor.store(first).await.expect("stored");
    assert_eq!(inputs(&home).await, [("file".to_owned(), b"1".to_vec())]);
    home.ingestor.store(second).await.expect("stored");

    assert_eq!(home.messages(), ["1", "2"]);
    assert_eq!(inputs(&home).await, [("file".to_owned(), b"2".to_vec())]);
}
