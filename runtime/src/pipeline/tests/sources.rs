//! The column that tells where entries come from.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_gets_the_name_of_its_source_unless_it_has_a_value_of_its_own() {
    for transforms in [vec![], vec![Scripted::obedient("one")]] {
        let transforms: Vec<_> = transforms.iter().collect();
        let home = Home::with_source_column(&transforms, Some("origin"));

        home.post(&entry("keep")).await;
        home.post(&format!("{}\n{}", entry("keep"), entry("keep"))).await;
        home.ingest(&[&entry("keep"), "{\"message\": \"keep\", \"origin\": \"mine\"}"]).await;

        assert_eq!(home.column("origin"), ["http", "http", "http", "weather", "mine"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transform_makes_of_an_entry_is_of_the_same_source() {
    let home = Home::with_source_column(&[&Scripted::obedient("one")], Some("origin"));

    home.post(&entry("to <a>|<b>")).await;
    home.ingest(&[&entry("to <c>")]).await;

    assert_eq!(home.column("origin"), ["http", "http", "weather"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_replayed_gets_the_source_it_came_from() {
    let mended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&mended);
    let transform = Scripted::new("one", move |entries| {
        let verdict =
            if seen.load(Ordering::SeqCst) { Verdict::Keep } else { Verdict::Fail("no".into()) };
        Ok(vec![verdict; entries.len()])
    });
    let home = Home::with_source_column(&[&transform], Some("origin"));
    home.post(&entry("keep")).await;
    home.ingest(&[&entry("keep")]).await;
    mended.store(true, Ordering::SeqCst);

    home.ingestor.replay(home.letters()).await;

    let mut origins = home.column("origin");
    origins.sort();
    assert_eq!(origins, ["http", "weather"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_column_nothing_is_filled_in() {
    let home = Home::new(&[]);

    home.post(&entry("keep")).await;
    home.ingest(&[&entry("keep")]).await;

    assert_eq!(home.column("origin"), ["none", "none"]);
}
