//! Entries of a request, through transforms to the table.

use super::*;
use crate::pipeline::IngestError;

#[tokio::test(flavor = "multi_thread")]
async fn each_verdict_has_its_effect_and_the_order_stays() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let messages =
        ["keep 1", "to <2>", "drop", "to <3>|<4>|<5>", "refuse no", "fail it", "keep 6", "to |"];
    let body = format!("[{}, 7]", messages.map(entry).join(","));

    let receipt = home.post(&body).await;

    assert_eq!(home.messages(), ["keep 1", "2", "3", "4", "5", "keep 6"]);
    assert_eq!((receipt.stored, receipt.dropped), (6, 2));
    let number = "expected a JSON object, found a number";
    assert_eq!(pairs(&receipt.refused), [(4, "no"), (8, number)]);
    assert_eq!(pairs(&receipt.dead), [(5, "it")]);
    let letter = ("http".to_owned(), "it".to_owned(), entry("fail it"));
    assert_eq!(home.letter_texts(), [letter], "what is refused is told and not kept");
    let counted = [&home.metrics.entries_dropped, &home.metrics.entries_dead];
    assert_eq!(counted.map(|counter| counter.get()), [2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_all_are_kept_are_stored_as_they_came() {
    let home = Home::new(&[&Scripted::obedient("one")]);

    let receipt = home.post("{\"message\": \"a\", \"line\": 1}\n7\n{\"message\": \"b\"}\n").await;

    assert_eq!(home.messages(), ["a", "b"]);
    assert_eq!(home.column("line"), ["1", "none"]);
    assert_eq!((receipt.stored, receipt.refused.len(), receipt.dropped), (2, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_entry_with_a_part_that_is_no_row_nothing_is_stored() {
    let home = Home::new(&[&Scripted::new("one", |entries| {
        let answer = |entry: &EntryText| match verdict(entry.as_str()) {
            Verdict::Split(mut parts) => {
                parts.push(text("{\"message\": 1e999}"));
                Verdict::Split(parts)
            }
            other => other,
        };
        Ok(entries.iter().map(answer).collect())
    })]);
    let messages = ["keep 0", "to <a>|<b>", "to <c>", "to 7"];

    let receipt = home.post(&format!("[{}]", messages.map(entry).join(","))).await;

    assert_eq!(home.messages(), ["keep 0", "c"]);
    let beyond = "`message`: 1e999 is beyond a 64-bit floating point number";
    assert_eq!(pairs(&receipt.refused), [(1, beyond)]);
    let fault =
        "transform `one` answered with what is no entry: expected a JSON object, found a number";
    assert_eq!(pairs(&receipt.dead), [(3, fault)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_a_transform_mends_is_stored() {
    let mend = text("{\"message\": \"mended\"}");
    let home = Home::new(&[&Scripted::fixed("one", vec![Verdict::Replace(mend), Verdict::Keep])]);
    let body = "[{\"message\": 1e999}, {\"message\": 1e998}]";

    let receipt = home.post(body).await;

    assert_eq!(home.messages(), ["mended"]);
    let refused: Vec<_> = receipt.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!(refused, [1], "the reason why an entry is no row counts once it is to be one");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_ignored_in_what_is_stored_only() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let with = |message: &str, key: &str| format!("{{\"message\": \"{message}\", \"{key}\": 1}}");
    let entries = [with("keep", "a"), with("drop", "b"), with("to <x>", "c"), with("keep", "d")];

    let bound = home.bind(&format!("[{}]", entries.join(","))).await;
    let kept = home.bind(&format!("[{}]", with("keep", "e"))).await;

    assert_eq!(bound.ignored_fields.iter().collect::<Vec<_>>(), ["a", "d"]);
    assert_eq!(kept.ignored_fields.iter().collect::<Vec<_>>(), ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_comes_in_parts_and_in_order() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let message = |n: usize| match n % 3 {
        0 => format!("keep {n}"),
        1 => format!("to <{n}>|<{n}>"),
        _ => format!("fail {n}"),
    };
    let body: String = (0..6_000).map(|n| entry(&message(n)) + "\n").collect();

    let bound = home.bind(&body).await;
    assert!(bound.parts.len() > 5, "{} parts", bound.parts.len());
    let receipt = home.ingestor.try_ingest(bound).expect("room").receipt().await.expect("stored");

    assert_eq!((receipt.stored, receipt.dead.len()), (6_000, 2_000));
    assert!(receipt.dead.iter().map(|dead| dead.index).eq((2..6_000).step_by(3)));
    let stored = home
        .messages()
        .into_iter()
        .map(|message| message.trim_start_matches("keep ").parse::<usize>().expect("a number"));
    let expected = (0..6_000).filter(|n| n % 3 < 2);
    assert!(stored.eq(expected.flat_map(|n| vec![n; 1 + n % 3])));
    let last = home.letters().pop().expect("letters");
    assert_eq!(last.letter.entry.as_str(), entry("fail 5999").as_str());
}

#[tokio::test]
async fn a_transform_that_takes_nothing_takes_nothing_of_the_request() {
    let home = Home::new(&[
        &Scripted::obedient("one"),
        &Scripted::new("two", |_| Err("it starts".into())),
    ]);
    let draft = home.ingestor.binder().draft(entry("keep").into_bytes(), Layout::Json);

    let outcome = home.ingestor.transform(&SourceName::http(), draft.expect("an entry")).await;

    let Err(IngestError::Unavailable(refusal)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.transform, "two");
    assert!(home.messages().is_empty());
}

#[tokio::test]
async fn what_the_writer_does_not_take_is_named_and_nothing_else() {
    let home = Home::new(&[&Scripted::obedient("one")]);
    let messages = ["keep", "drop", "fail it", "refuse no", "to <a>|<b>"];
    let bound = home.bind(&format!("[{}]", messages.map(entry).join(","))).await;
    home.store.close();

    let outcome = home.ingestor.try_ingest(bound).expect("room").receipt().await;

    let Err(IngestError::NotStored { receipt, .. }) = outcome else { panic!("{outcome:?}") };
    let lost = "not stored: the service is stopping";
    assert_eq!(pairs(&receipt.refused), [(0, lost), (2, lost), (3, "no"), (4, lost)]);
    assert_eq!((receipt.stored, receipt.dropped, receipt.dead.len()), (0, 1, 0));
}
