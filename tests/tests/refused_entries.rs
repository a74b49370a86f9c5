//! `POST /logs`: an entry that can't be stored is named, and its neighbours are stored all the same.

use loglite_e2e::{Home, Response, Server, config};
use serde_json::{Value, json};

fn start() -> Server {
    Home::new(&config::with("")).start()
}

fn refused(answer: &Response) -> Vec<(u64, String)> {
    let refused = answer.at("/result/refused");
    let read = |refusal: &Value| {
        let index = refusal.get("index").and_then(Value::as_u64);
        let error = refusal.get("error").and_then(Value::as_str);
        (index.expect("an index"), error.expect("a reason").to_owned())
    };
    refused.as_array().expect("a list").iter().map(read).collect()
}

#[test]
fn entries_that_break_a_rule_are_named_by_index_while_their_neighbours_are_stored() {
    let server = start();
    let mut entries: Vec<_> = (0..200).map(|n| json!({"message": n.to_string()})).collect();
    let bad = [
        (0, json!({"message": "x", "level": "LOUD"}), "CHECK constraint failed"),
        (31, json!({"level": "INFO"}), "NOT NULL constraint failed: Log.message"),
        (32, json!(7), "expected a JSON object, found a number"),
        (120, json!([{"message": "nested"}]), "expected a JSON object, found an array"),
        (199, json!({"message": "x", "line": u64::MAX}), "`line`"),
    ];
    for (at, entry, _) in &bad {
        *entries.get_mut(*at).expect("within the list") = entry.clone();
    }

    let answer = server.post(Value::from(entries).to_string());

    assert_eq!(answer.status, 200);
    assert_eq!(answer.at("/result/stored"), 195);
    let refused = refused(&answer);
    assert_eq!(refused.len(), bad.len(), "{refused:?}");
    for ((index, error), (at, _, reason)) in refused.iter().zip(&bad) {
        assert_eq!(*index, *at as u64);
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(server.get("/logs?limit=0").at("/result/total"), 195);
}

#[test]
fn when_all_are_refused_the_answer_is_400_with_the_list() {
    let server = start();

    let one = server.post(r#"{"level": "INFO"}"#);
    let two = server.post(r#"[{"message": "a", "level": "x"}, 1]"#);

    assert_eq!((one.status, two.status), (400, 400));
    assert!(one.error().contains("NOT NULL constraint failed: Log.message"), "{one:?}");
    assert_eq!(two.at("/result/stored"), 0);
    assert_eq!(refused(&two).iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1]);
    assert!(two.error().starts_with("all 2 entries were refused; entry 0: "), "{two:?}");
}

#[test]
fn a_unique_column_refuses_the_second_of_a_kind_only() {
    let table = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, key TEXT UNIQUE)";
    let server = Home::new(&config::with_table(table, "")).start();

    let answer = server.post(r#"[{"key": "a"}, {"key": "b"}, {"key": "a"}, {"key": "c"}]"#);

    assert_eq!(answer.at("/result/stored"), 3);
    let refused = refused(&answer);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused.first().map(|(index, _)| *index), Some(2));
    assert_eq!(server.get("/logs?order=asc").column("key"), ["a", "b", "c"]);
}

#[test]
fn a_table_that_rolls_back_on_conflict_loses_no_neighbour() {
    let table = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, \
                 key TEXT UNIQUE ON CONFLICT ROLLBACK)";
    let server = Home::new(&config::with_table(table, "")).start();

    let answer = server.post(r#"[{"key": "a"}, {"key": "b"}, {"key": "a"}, {"key": "c"}]"#);

    assert_eq!(answer.at("/result/stored"), 3, "{answer:?}");
    assert_eq!(server.get("/logs?order=asc").column("key"), ["a", "b", "c"]);
}

#[test]
fn an_entry_that_a_trigger_refuses_is_refused_with_the_trigger_s_words() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT);
        CREATE TRIGGER no_secrets BEFORE INSERT ON Log WHEN new.message LIKE '%secret%'
        BEGIN SELECT raise(ABORT, 'no secrets here'); END;";
    let server = Home::new(&config::with_table(sql, "")).start();

    let answer = server.post(r#"[{"message": "a"}, {"message": "my secret"}, {"message": "b"}]"#);

    assert_eq!(answer.at("/result/stored"), 2);
    let reason = (1, "no secrets here".to_owned());
    assert_eq!(refused(&answer), [reason]);
    assert_eq!(server.get("/logs?order=asc").column("message"), ["a", "b"]);
}

#[test]
fn numbers_beyond_64_bits_are_refused_and_the_largest_that_fit_are_kept() {
    let server = start();
    let body = r#"[
        {"message": "a", "line": 9223372036854775807},
        {"message": "b", "line": 9223372036854775808},
        {"message": "c", "line": -9223372036854775808},
        {"message": "d", "line": -9223372036854775809},
        {"message": "e", "ratio": 1e999},
        {"message": "f", "extra": {"kept as sent": 9223372036854775808}}
    ]"#;

    let answer = server.post(body);

    let refused = refused(&answer);
    assert_eq!(refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(refused.iter().all(|(_, error)| error.contains("64-bit")), "{refused:?}");
    assert_eq!(
        server.get("/logs?order=asc&fields=line").column("line"),
        [json!(i64::MAX), json!(i64::MIN), Value::Null]
    );
}
