//! Dead letters, once more through transforms and to the table.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::domain::DeadLetter;
use crate::pipeline::{HaulBuilder, Interpreter, ReplayOutcome, Replayed};

/// Fails on all entries until it is mended; then it does what they say.
fn broken() -> (Arc<Scripted>, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&mended);
    let transform = Scripted::new("one", move |entries| {
        if seen.load(Ordering::SeqCst) {
            return Ok(entries.iter().map(|entry| verdict(entry.as_str())).collect());
        }
        Ok(vec![Verdict::Fail("broken".into()); entries.len()])
    });
    (transform, mended)
}

fn outcomes(replayed: Vec<Replayed>) -> Vec<ReplayOutcome> {
    replayed.into_iter().map(|replayed| replayed.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_stored_dropped_or_replaced_by_one_with_the_new_reason() {
    let (transform, mended) = broken();
    let home = Home::new(&[&transform]);
    let messages = ["keep", "to <a>|<b>", "drop", "fail again", "refuse no", "forbidden"];
    let entries = messages.map(entry);
    home.ingest(&entries.each_ref().map(String::as_str)).await;
    mended.store(true, Ordering::SeqCst);
    let letters = home.letters();
    let ids: Vec<_> = letters.iter().map(|letter| letter.id).collect();

    let replayed = home.ingestor.replay(letters).await;

    assert_eq!(replayed.iter().map(|replayed| replayed.id).collect::<Vec<_>>(), ids);
    let failed = |reason: &str| ReplayOutcome::Failed(reason.to_owned());
    let expected = [
        ReplayOutcome::Stored(1),
        ReplayOutcome::Stored(2),
        ReplayOutcome::Dropped,
        failed("again"),
        failed("no"),
        failed("CHECK constraint failed: message <> 'forbidden'"),
    ];
    assert_eq!(outcomes(replayed), expected);
    assert_eq!(home.messages(), ["keep", "a", "b"]);
    let mut kept: Vec<_> = home.letter_texts().into_iter().map(|(_, _, entry)| entry).collect();
    kept.sort();
    let mut expected = ["fail again", "refuse no", "forbidden"].map(entry);
    expected.sort();
    assert_eq!(kept, expected, "each is one letter");
    assert!(home.letters().iter().all(|letter| !ids.contains(&letter.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_a_timestamp_keeps_the_time_of_its_letter() {
    let (transform, mended) = broken();
    let home = Home::new(&[&transform]);
    home.ingest(&[&entry("keep")]).await;
    home.post(&entry("keep")).await;
    mended.store(true, Ordering::SeqCst);
    let mut letters = home.letters();
    letters.iter_mut().for_each(|letter| letter.time = "2001-02-03T04:05:06.789Z".into());

    home.ingestor.replay(letters).await;

    let mut times = home.column("timestamp");
    times.sort();
    assert_eq!(times, ["2001-02-03T04:05:06.789Z", "unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_was_replayed_meanwhile_is_not_stored_twice() {
    let (transform, mended) = broken();
    let home = Home::new(&[&transform]);
    home.ingest(&[&entry("keep")]).await;
    mended.store(true, Ordering::SeqCst);
    let letters = home.letters();

    let first = home.ingestor.replay(letters.clone()).await;
    let second = home.ingestor.replay(letters).await;

    assert_eq!(outcomes(first), [ReplayOutcome::Stored(1)]);
    let second = outcomes(second);
    let [ReplayOutcome::Failed(reason)] = second.as_slice() else { panic!("{second:?}") };
    assert!(reason.contains("gone"), "{reason}");
    assert_eq!((home.messages().len(), home.letters().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_stay_as_they_are_while_nothing_can_be_done_with_them() {
    let works = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&works);
    let home = Home::new(&[&Scripted::new("one", move |entries| {
        if seen.load(Ordering::SeqCst) {
            return Ok(vec![Verdict::Fail("broken".into()); entries.len()]);
        }
        Err("it starts".into())
    })]);
    home.ingest(&[&entry("a")]).await;
    works.store(false, Ordering::SeqCst);
    let letters = home.letters();

    let replayed = home.ingestor.replay(letters.clone()).await;

    let reason = "transform `one` can't take entries: it starts".to_owned();
    assert_eq!(outcomes(replayed), [ReplayOutcome::Untouched(reason)]);
    assert_eq!(home.letters(), letters);
}

/// Makes an entry of `message …`, and is as picky about the rest as a harvester.
#[derive(Debug)]
struct Prefixed;

impl Interpreter for Prefixed {
    fn interpret(&self, letter: &DeadLetter, out: &mut HaulBuilder) {
        let text = letter.entry.as_str();
        let Some(message) = text.strip_prefix("message ") else {
            return out.misfit("no message".into(), text.into());
        };
        let Ok(()) = out.entry(|json| {
            json.push_str(&entry(message));
            Ok::<_, std::convert::Infallible>(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_read_as_its_harvester_reads_it() {
    let home = Home::new(&[]);
    home.ingest(&["message a", "massage b", "message forbidden"]).await;
    let interpreter: Arc<dyn Interpreter> = Arc::new(Prefixed);
    let binder = Binder::new(home.store.schema(), OwnColumns::none());
    let ingestor = Ingestor::new(binder, chain(&[]), Arc::clone(&home.store), home.metrics.clone())
        .with_interpreters([("weather".into(), interpreter)]);
    let mut letters = home.letters();
    letters.sort_by_key(|kept| kept.letter.entry.as_str().to_owned());

    let replayed = ingestor.replay(letters).await;

    let failed = |reason: &str| ReplayOutcome::Failed(reason.to_owned());
    let check = failed("CHECK constraint failed: message <> 'forbidden'");
    assert_eq!(outcomes(replayed), [failed("no message"), ReplayOutcome::Stored(1), check]);
    assert_eq!(home.messages(), ["a"]);
    let kept = home.letter_texts().into_iter().map(|(_, _, entry)| entry);
    let kept: std::collections::BTreeSet<_> = kept.collect();
    assert_eq!(kept, ["massage b".into(), entry("forbidden")].into(), "each is one letter");
}
