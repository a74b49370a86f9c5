//! Entries that could not be stored: `loglite dead-letters`, with and without a running service, and over HTTP.

use loglite_e2e::{Exit, Home, Request, Server, config, guest};
use serde_json::{Value, json};

const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/dead-letters");

/// A configuration with a transform that traps on entries with this text.
fn config_that_fails_on(marker: &str) -> String {
    let component = guest("faulty-transform");
    config::with(&format!(
        "plugin_cache_dir: {CACHE}\n\
         transforms:\n  - name: faulty\n    component: {}\n    config: {{fault: trap, marker: {marker}}}",
        component.display()
    ))
}

/// A service with two dead letters, of entries with the texts `poison 1` and `poison 2`, and one row.
fn poisoned() -> Server {
    let server = Home::new(&config_that_fails_on("poison")).start();
    for message in ["poison 1", "fine", "poison 2"] {
        let answer = server.post(json!({ "message": message }).to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    server
}

/// `loglite dead-letters …` on the home's database.
fn letters(home: &Home, arguments: &[&str]) -> Exit {
    let (command, rest) = arguments.split_first().expect("a command");
    home.run(&[&["dead-letters", command, "-c", "config.yaml"], rest].concat())
}

/// The letters that `list --json` prints, by their numbers and messages.
fn listed(home: &Home) -> Vec<(i64, String)> {
    let exit = letters(home, &["list", "--json"]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    let letters = exit.stdout.lines().map(|line| {
        let letter: Value = serde_json::from_str(line).expect("a JSON object per line");
        let field = |name: &str| letter.get(name).cloned().unwrap_or_default();
        let entry = field("entry");
        let entry: Value = serde_json::from_str(entry.as_str().expect("the entry is text"))
            .expect("which is what was sent");
        let message = entry.get("message").and_then(Value::as_str).expect("a message");
        (field("id").as_i64().expect("a number"), message.to_owned())
    });
    letters.collect()
}

fn messages(server: &Server) -> Vec<Value> {
    server.get("/logs?order=asc&id=>0").column("message")
}

/// Puts `count` letters of ten days ago into the database beside those that are there.
fn add_letters(home: &Home, count: u32) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO loglite_dead_letters (time, source, reason, entry)
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-10 days'), 'http', 'old', '{\"message\":\"old ' || i || '\"}' FROM n";
    home.database().execute(sql, [count]).expect("the table is there");
}

#[test]
fn they_are_listed_and_shown_while_the_service_runs() {
    let server = poisoned();
    let home = server.home();

    assert_eq!(listed(home), [(2, "poison 2".into()), (1, "poison 1".into())]);
    let list = letters(home, &["list", "--limit", "1"]);
    assert!(list.stdout.contains("  http  transform `faulty` failed"), "{}", list.stdout);
    assert!(list.stdout.contains("1 shown; 2 are kept"), "{}", list.stdout);
    assert_eq!(letters(home, &["list", "--json", "--source", "other"]).stdout, "");

    let show = letters(home, &["show", "1"]);
    assert!(show.stdout.contains("entry   {\"message\":\"poison 1\"}\n"), "{}", show.stdout);
    let absent = letters(home, &["show", "9"]);
    assert_eq!(absent.code, Some(1), "{absent:#?}");
    assert!(absent.stderr.contains("there is no dead letter 9"), "{}", absent.stderr);
}

#[test]
fn they_are_read_over_http_page_by_page() {
    let server = poisoned();
    let first = server.get("/dead-letters?limit=1");
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.at("/result/total"), 2);
    assert_eq!(first.at("/result/dead_letters/0/id"), 2);
    assert_eq!(first.at("/result/dead_letters/0/entry"), "{\"message\":\"poison 2\"}");
    assert_eq!(first.at("/result/next"), 2);

    let second = server.get("/dead-letters?limit=1&before=2");
    assert_eq!(second.at("/result/dead_letters/0/id"), 1);
    assert_eq!(second.at("/result/next"), Value::Null);

    let other = server.get("/dead-letters?source=other");
    assert_eq!(other.at("/result/dead_letters"), json!([]));
    assert_eq!(server.get("/dead-letters?offset=1").status, 400);
}

#[test]
fn the_service_replays_them_when_it_runs() {
    let server = poisoned();
    let home = server.home();
    let port = server.address().port().to_string();

    let replay = home
        .launch(&["dead-letters", "replay", "-c", "config.yaml", "2", "7"])
        .env("LOGLITE_PORT", &port)
        .run();

    assert_eq!(replay.code, Some(1), "{replay:#?}");
    assert!(
        replay.stdout.contains("2: failed again: transform `faulty` failed"),
        "{}",
        replay.stdout
    );
    assert!(replay.stdout.contains("7: there is no such dead letter\n"), "{}", replay.stdout);
    assert_eq!(listed(home), [(3, "poison 2".into()), (1, "poison 1".into())]);
}

#[test]
fn without_a_service_they_go_through_the_transforms_of_the_configuration() {
    let server = poisoned();
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    let replay = letters(&home, &["replay", "--all"]);
    assert_eq!(replay.code, Some(1), "{replay:#?}");
    assert!(replay.stdout.ends_with("stored 0, dropped 0, failed again 2\n"), "{}", replay.stdout);

    home.write_config(&config_that_fails_on("poison 2"));
    let replay = letters(&home, &["replay", "--all", "--source", "http"]);

    assert_eq!(replay.code, Some(1), "{replay:#?}");
    assert!(replay.stdout.starts_with("3: stored\n4: failed again: "), "{}", replay.stdout);
    assert_eq!(listed(&home), [(5, "poison 2".into())]);
    assert_eq!(messages(&home.start()), ["fine", "poison 1"]);
}

#[test]
fn more_than_a_request_holds_are_replayed_one_after_the_other() {
    let server = poisoned();
    let home = server.home();
    add_letters(home, 2_100);
    let url = format!("http://{}", server.address());

    let replay = letters(home, &["replay", "--all", "--url", &url]);

    assert!(
        replay.stdout.ends_with("stored 2100, dropped 0, failed again 2\n"),
        "{}",
        replay.stdout
    );
    assert_eq!(listed(home).len(), 2);
    assert_eq!(server.get("/logs?limit=0").at("/result/total"), 2_101);
}

#[test]
fn a_replay_over_http_says_what_became_of_each() {
    let server = poisoned();
    add_letters(server.home(), 1);
    let replay =
        |body: Value| server.send(&Request::post("/dead-letters/replay").body(body.to_string()));

    let answer = replay(json!({"ids": [1, 3, 99]}));

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.at("/result/letters/0/id"), 1);
    assert_eq!(answer.at("/result/letters/0/outcome"), "failed");
    assert_eq!(answer.at("/result/letters/1"), json!({"id": 3, "outcome": "stored", "rows": 1}));
    assert_eq!(answer.at("/result/letters/2"), Value::Null);
    assert_eq!(answer.at("/result/next"), Value::Null);
    for body in [json!({}), json!({"ids": [1], "all": true}), json!({"id": 1}), json!([1])] {
        assert_eq!(replay(body.clone()).status, 400, "{body}");
    }
}

#[test]
fn they_are_purged_by_number_age_and_source() {
    let server = poisoned();
    let home = server.home();
    add_letters(home, 3);

    let old = letters(home, &["purge", "--older-than", "7d", "--source", "other"]);
    assert_eq!(old.stdout, "deleted 0 dead letters\n");
    let old = letters(home, &["purge", "--older-than", "7d"]);
    assert_eq!((old.code, old.stdout.as_str()), (Some(0), "deleted 3 dead letters\n"));
    let one = letters(home, &["purge", "1", "99"]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(1), "deleted 1 dead letter\n"));
    assert_eq!(listed(home), [(2, "poison 2".into())]);
    assert_eq!(letters(home, &["purge", "--all"]).stdout, "deleted 1 dead letter\n");
    assert_eq!(server.get("/dead-letters").at("/result/total"), 0);
}

#[test]
fn which_ones_must_be_said() {
    let home = Home::new(&config::with(""));
    for command in ["replay", "purge"] {
        let exit = letters(&home, &[command]);
        assert_eq!(exit.code, Some(2), "{exit:#?}");
        let exit = letters(&home, &[command, "1", "--all"]);
        assert_eq!(exit.code, Some(2), "{exit:#?}");
    }
    assert_eq!(letters(&home, &["purge", "--older-than", "soon"]).code, Some(2));
}

#[test]
fn a_service_that_can_not_be_found_is_told_with_the_way_out() {
    let server = poisoned();
    let home = server.home();
    let any_port = letters(home, &["replay", "--all"]);
    assert_eq!(any_port.code, Some(2), "{any_port:#?}");
    assert!(any_port.stderr.contains("name it with `--url`"), "{}", any_port.stderr);
    let wrong = letters(home, &["replay", "--all", "--url", "localhost:1"]);
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(wrong.stderr.contains("expected such as http://127.0.0.1:7788"), "{}", wrong.stderr);
}

#[test]
fn without_a_database_there_is_nothing_to_show() {
    let home = Home::new(&config::with(""));
    for arguments in [&["list"][..], &["show", "1"], &["replay", "--all"], &["purge", "--all"]] {
        let exit = letters(&home, arguments);
        assert_eq!(exit.code, Some(1), "{exit:#?}");
        assert!(exit.stderr.contains("there is no database at"), "{}", exit.stderr);
    }
    assert!(!home.database_path().exists(), "none was made");
}
