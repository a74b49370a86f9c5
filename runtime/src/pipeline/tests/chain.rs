//! Transforms one after another, and what comes out of them.

use super::*;
use crate::pipeline::chain::{Fate, Judgement};

async fn judge(chain: &TransformChain, entries: &[&str]) -> Judgement {
    chain.judge(&"weather".into(), &texts(entries)).await.expect("judged")
}

async fn fates(transforms: &[&Arc<Scripted>], entries: &[&str]) -> Vec<Fate> {
    match judge(&chain(transforms), entries).await {
        Judgement::Each { fates, .. } => fates,
        Judgement::AllKept => panic!("all were kept"),
    }
}

fn parts(parts: &[&str]) -> Fate {
    Fate::Parts(texts(parts))
}

#[test]
fn a_star_in_the_name_of_a_source_stands_for_any_characters() {
    let for_sources = |sources: &[&str]| {
        let transform = Scripted::obedient("one") as Arc<dyn Transform>;
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        TransformChain::new(vec![Link { transform, sources }], &["http".into()])
    };
    for (pattern, source, is_for) in [
        ("http", "http", true),
        ("http", "https", false),
        ("*", "", true),
        ("*", "weather", true),
        ("w*", "weather", true),
        ("*er", "weather", true),
        ("*x", "weather", false),
        ("w*t*r", "weather", true),
        ("w*h*t*r", "weather", false),
        ("we*er", "wer", false),
        ("**", "weather", true),
        ("*a*a*", "weather", false),
    ] {
        let chain = for_sources(&[pattern]);
        assert_eq!(chain.is_empty_for(&source.into()), !is_for, "{pattern} {source}");
    }
    assert!(!for_sources(&["x", "http"]).is_empty_for(&SourceName::http()));
    assert!(for_sources(&[]).is_empty_for(&SourceName::http()));
    assert!(TransformChain::default().is_empty_for(&SourceName::http()));
}

#[tokio::test]
async fn entries_that_all_are_kept_need_no_list() {
    let (first, second) = (Scripted::obedient("first"), Scripted::obedient("second"));
    let chain = chain(&[&first, &second]);

    assert_eq!(judge(&chain, &["{\"a\": 1}", "{}"]).await, Judgement::AllKept);
    assert_eq!(judge(&chain, &[]).await, Judgement::AllKept);

    assert_eq!(first.shown(), [["{\"a\": 1}", "{}"]]);
    assert_eq!(second.shown(), first.shown(), "what is kept goes on, and nothing is no call");
}

#[tokio::test]
async fn each_transform_sees_what_those_before_have_left() {
    let first = Scripted::obedient("first");
    let second = Scripted::fixed(
        "second",
        vec![Verdict::Keep, Verdict::Keep, Verdict::Drop, Verdict::Replace(text("{\"b\": 2}"))],
    );
    let entries =
        [entry("keep"), entry("drop"), entry("to <a>|<b>"), entry("refuse no"), entry("to <c>")];
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();

    let fates = fates(&[&first, &second], &entries).await;

    let [a, b, c] = [entry("a"), entry("b"), entry("c")];
    assert_eq!(second.shown(), [[&*entry("keep"), &a, &b, &c]]);
    let refused = Fate::Refused("no".into());
    let expected = [Fate::Kept, Fate::Dropped, parts(&[&a]), refused, parts(&["{\"b\": 2}"])];
    assert_eq!(fates, expected);
}

#[tokio::test]
async fn an_entry_is_refused_or_fails_whole_when_one_of_its_parts_does() {
    let first = Scripted::obedient("first");
    let second = Scripted::obedient("second");
    let split = |parts: &str| entry(&format!("to {parts}"));
    let entries = [
        split("<a>|<refuse one>|<b>|<refuse two>"),
        split("<refuse one>|<fail it>|<a>"),
        split("<drop>|<drop>"),
        split("<drop>|<a>"),
        split("|"),
    ];
    let entries: Vec<_> = entries.iter().map(String::as_str).collect();

    let fates = fates(&[&first, &second], &entries).await;

    let [refused, dead] = [Fate::Refused("one".into()), Fate::Dead("it".into())];
    let expected = [refused, dead, Fate::Dropped, parts(&[&entry("a")]), Fate::Dropped];
    assert_eq!(fates, expected);
}

#[tokio::test]
async fn a_wrong_number_of_verdicts_fails_all_that_was_shown() {
    for verdicts in [vec![], vec![Verdict::Keep], vec![Verdict::Keep; 3]] {
        let given = verdicts.len();
        let first = Scripted::obedient("first");
        let second = Scripted::fixed("second", verdicts);

        let fates = fates(&[&first, &second], &["{}", &entry("drop"), "{}"]).await;

        let dead = Fate::Dead(format!("transform `second` gave {given} verdicts on 2 entries"));
        assert_eq!(fates, [dead.clone(), Fate::Dropped, dead]);
    }
}

#[tokio::test]
async fn what_is_no_entry_is_not_shown_to_the_next_transform() {
    let first = Scripted::obedient("first");
    let second = Scripted::obedient("second");

    let fates = fates(&[&first, &second], &["{}", &entry("to [1]"), &entry("to <a>|{")]).await;

    assert_eq!(second.shown(), [["{}"]]);
    let [_, Fate::Dead(array), Fate::Dead(cut)] = fates.as_slice() else { panic!("{fates:?}") };
    let start = "transform `first` answered with what is no entry: ";
    assert_eq!(*array, format!("{start}expected a JSON object, found an array"));
    assert!(cut.starts_with(&format!("{start}invalid JSON: EOF")), "{cut}");
}

#[tokio::test]
async fn a_transform_that_takes_nothing_leaves_all_entries_unjudged() {
    let first = Scripted::obedient("first");
    let second = Scripted::new("second", |_| Err("it starts".into()));
    let chain = chain(&[&first, &second]);

    let refusal = chain.judge(&"weather".into(), &texts(&["{}"])).await.expect_err("unavailable");

    assert_eq!(refusal.to_string(), "transform `second` can't take entries: it starts");
}

#[tokio::test]
async fn transforms_that_blow_entries_up_are_stopped_and_the_rest_becomes_dead_letters() {
    let blown = Arc::new("x".repeat(16 << 20));
    let blow_up = Scripted::new("one", move |entries| {
        let blown = EntryText::slice(&blown, 0..blown.len()).expect("all of it");
        let mut verdicts = vec![Verdict::Keep; entries.len()];
        verdicts.truncate(entries.len() - 1);
        verdicts.push(Verdict::Split(vec![blown; 2]));
        Ok(verdicts)
    });
    let entries = vec!["{}"; 10_000];

    let fates = fates(&[&blow_up], &entries).await;

    assert_eq!((blow_up.shown().len(), fates.len()), (3, entries.len()));
    let dead = fates.iter().filter(|fate| matches!(fate, Fate::Dead(_))).count();
    assert_eq!(dead, 10_000 - 3 * 2_048);
    let kept = fates.iter().filter(|fate| **fate == Fate::Kept).count();
    assert_eq!(kept, 3 * 2_047);
    let Some(Fate::Dead(reason)) = fates.last() else { panic!("it goes on") };
    assert!(reason.contains("more than 64MB"), "{reason}");
}
