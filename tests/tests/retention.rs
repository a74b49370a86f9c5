//! Old rows go by themselves, and only those.

mod aged;

use aged::{
    KEYS, LONG_AGO, OLD, YOUNG, ago, deleted, entries, messages, metric, until_left, until_passed,
    until_told,
};
use loglite_e2e::{Home, Server, config, eventually};
use serde_json::{Value, json};

/// Longer than what a pass looks at in one go.
const MANY: usize = 2500;

/// A table whose timestamps are of this type, without an index.
fn table(timestamp: &str) -> String {
    format!("CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp {timestamp}, message TEXT);")
}

fn start_with_table(sql: &str, keys: &str) -> Server {
    Home::new(&config::with_table(sql, &format!("{KEYS}\n{keys}"))).start()
}

/// A timestamp of this age in each form that is understood.
fn forms(days: f64) -> Vec<Value> {
    let texts = [
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%dT%H:%M:%fZ",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%f+00:00",
        "%Y%m%dT%H%M%SZ",
        "%Y%m%d%H%M%S",
        "%s",
        "%s123",
    ];
    let texts = texts.iter().map(|form| Value::from(ago(days, form)));
    // A date is the begin of its day.
    let date_days = if days < OLD { days - 1.0 } else { days + 1.0 };
    let dates = ["%Y-%m-%d", "%Y%m%d"].map(|form| Value::from(ago(date_days, form)));
    let seconds: i64 = ago(days, "%s").parse().expect("seconds");
    let numbers = [
        json!(seconds),
        json!(seconds * 1_000),
        json!(seconds * 1_000_000),
        json!(seconds * 1_000_000_000),
        json!(seconds as f64 + 0.25),
    ];
    texts.chain(dates).chain(numbers).collect()
}

/// Times on the other side of the limit by the clock, which their offsets put on this one.
fn with_offsets(days: f64) -> [Value; 2] {
    let (east, west) = (days - 13.0 / 24.0, days + 11.0 / 24.0);
    let form = "%Y-%m-%dT%H:%M:%S";
    [ago(east, form) + "+13:00", ago(west, form) + "-11:00"].map(Value::from)
}

#[test]
fn each_form_of_timestamp_is_understood_in_columns_of_each_type() {
    for declared in ["", "TEXT", "DATETIME", "INTEGER", "REAL"] {
        let server = start_with_table(&table(declared), "");
        let of_age = |days, message: &str| -> Value {
            let forms = forms(days).into_iter().chain(with_offsets(days));
            forms.map(|timestamp| json!({"timestamp": timestamp, "message": message})).collect()
        };
        // A young one first, so that the clock is not in doubt.
        let (young, old) = (of_age(YOUNG, "young"), of_age(OLD, "old"));
        server.store(&young);
        server.store(&old);

        let count = young.as_array().map_or(0, Vec::len);
        until_left(&server, &vec!["young"; count]);
        eventually("they are counted", || (deleted(&server, "age") == count as f64).then_some(()));
        assert_eq!(metric(&server, "loglite_retention_unreadable_timestamps"), 0.0, "{declared}");
    }
}

#[test]
fn rows_without_a_readable_timestamp_go_with_the_next_row_that_has_one() {
    let server = start_with_table(&table("DATETIME"), "");
    let (old, young) = (ago(OLD, "%s"), ago(YOUNG, "%s"));
    server.store(&json!([
        {"timestamp": null, "message": "before an old one"},
        {"timestamp": "yesterday", "message": "too"},
        {"timestamp": old, "message": "old"},
        {"timestamp": "", "message": "before a young one"},
        {"timestamp": young, "message": "young"},
        {"timestamp": "?", "message": "behind it"},
    ]));

    until_left(&server, &["before a young one", "young", "behind it"]);

    eventually("they are counted", || {
        (metric(&server, "loglite_retention_unreadable_timestamps") == 2.0).then_some(())
    });
    let log = server.process().stderr();
    assert_eq!(log.matches("timestamps of old rows can't be read").count(), 1, "{log}");
}

#[test]
fn rows_without_a_readable_timestamp_stay_while_none_follows_that_has_one() {
    let server = start_with_table(&table("DATETIME"), "");
    server.store(&entries(YOUNG, &["young"]));
    server.store(&entries(OLD, &["old"]));
    let garbage = |message| json!({"timestamp": "25.11.2026", "message": message});
    server.store(&json!([garbage("new form"), garbage("newest")]));

    until_left(&server, &["young", "new form", "newest"]);

    server.store(&entries(OLD, &["old as well"]));
    until_left(&server, &["young"]);
}

#[test]
fn many_rows_without_a_readable_timestamp_do_not_stop_it() {
    let server = start_with_table(&table("TEXT"), "");
    let garbage: Value = (0..2 * MANY).map(|_| json!({"message": "unreadable"})).collect();
    server.store(&json!({"timestamp": ago(YOUNG, "%s"), "message": "first"}));
    until_passed(&server);
    server.store(&garbage);
    server.store(&entries(YOUNG, &["young"]));
    server.home().database().execute("UPDATE Log SET timestamp = 0 WHERE id = 1", []).expect("old");

    eventually("the first one is gone", || {
        (messages(server.home()).len() == 2 * MANY + 1).then_some(())
    });
    server.store(&entries(OLD, &["old"]));
    until_passed(&server);
    assert_eq!(messages(server.home()).len(), 2 * MANY + 1);
    // They go once the next one does.
    let age = "UPDATE Log SET timestamp = 0 WHERE message = 'young'";
    server.home().database().execute(age, []).expect("old");
    server.store(&entries(YOUNG, &["last"]));

    until_left(&server, &["last"]);
}

#[test]
fn gaps_between_row_ids_cost_nothing() {
    let home = Home::new(&config::with(KEYS));
    assert_eq!(home.start().stop().code, Some(0));
    let insert = "INSERT INTO Log (id, timestamp, message) VALUES (?1, ?2, ?3)";
    for (id, days, message) in [
        (-5_000_000_000_000_i64, LONG_AGO, "negative"),
        (1, OLD, "one"),
        (3_000_000_000_000, OLD, "behind a gap"),
        (6_000_000_000_000_000_000, YOUNG, "young"),
    ] {
        let row = (id, ago(days, "%Y-%m-%d %H:%M:%S"), message);
        home.database().execute(insert, row).expect("inserted");
    }

    let server = home.start();

    until_left(&server, &["young"]);
    server.store(&json!({"message": "next"}));
    let next = server.rows("/logs?fields=id&message==next");
    assert_eq!(next, json!([{"id": 6_000_000_000_000_000_001_i64}]));
}

#[test]
fn what_arrives_late_goes_by_the_index_in_each_form() {
    for declared in ["", "TEXT", "DATETIME"] {
        let sql = format!("{}\nCREATE INDEX idx ON Log (timestamp);", table(declared));
        let server = start_with_table(&sql, "");
        let young: Value = (0..MANY)
            .map(|_| json!({"timestamp": ago(YOUNG, "%Y-%m-%d %H:%M:%S"), "message": "young"}))
            .collect();
        server.store(&young);
        let late: Value = forms(LONG_AGO)
            .into_iter()
            // A compact date of this year is higher than any date with hyphens.
            .filter(|form| {
                !form.as_str().is_some_and(|text| text.starts_with("20") && !text.contains('-'))
            })
            .map(|timestamp| json!({"timestamp": timestamp, "message": "late"}))
            .collect();
        server.store(&late);

        until_left(&server, &vec!["young"; MANY]);
    }
}

#[test]
fn future_and_young_rows_stay() {
    let server = start_with_table(&table("DATETIME"), "");
    server.store(&entries(YOUNG, &["young"]));
    server.store(&entries(-400.0, &["of the next year"]));
    server.store(&entries(OLD, &["old"]));

    until_left(&server, &["young", "of the next year"]);
}

#[test]
fn a_clock_by_which_all_is_old_is_doubted_at_the_start() {
    let home = Home::new(&config::with("task_vacuum_interval: 0.2"));
    let server = home.start();
    server.store(&entries(OLD, &["a", "b"]));
    assert_eq!(server.stop().code, Some(0));
    home.write_config(&config::with(KEYS));

    let server = home.start();

    until_told(&server, "the clock may be wrong");
    assert_eq!(messages(&home), ["a", "b"]);
    // A young row tells that it is right.
    server.store(&json!({"message": "young"}));
    until_left(&server, &["young"]);
}

#[test]
fn a_row_in_the_future_does_not_tell_that_the_clock_is_right() {
    let home = Home::new(&config::with("task_vacuum_interval: 0.2"));
    let server = home.start();
    server.store(&entries(OLD, &["old"]));
    server.store(&entries(-400.0, &["of the next year"]));
    assert_eq!(server.stop().code, Some(0));
    home.write_config(&config::with(KEYS));

    let server = home.start();

    until_told(&server, "the clock may be wrong");
    assert_eq!(messages(&home), ["old", "of the next year"]);
}

#[test]
fn row_ids_are_not_used_again_after_all_rows_are_deleted() {
    let home = Home::new(&config::with(KEYS));
    let server = home.start();
    server.store(&json!({"message": "young"}));
    until_passed(&server);
    // The clock is known to be right, so that even the newest row may go.
    let age = "UPDATE Log SET timestamp = '2001-01-01'";
    home.database().execute(age, []).expect("another program can write");
    until_left(&server, &[]);
    let id = |server: &Server, message: &str| {
        server.store(&json!({"message": message}));
        let rows = server.rows(&format!("/logs?fields=id&message=={message}"));
        rows.pointer("/0/id").and_then(Value::as_i64).expect("an id")
    };
    let first = id(&server, "first");
    assert!(first > 3, "{first}");

    home.database().execute(age, []).expect("another program can write");
    until_left(&server, &[]);
    assert_eq!(server.stop().code, Some(0));
    let server = home.start();
    assert!(id(&server, "second") > first);

    // Ids that another program has given out, too.
    let insert = "INSERT INTO Log (id, timestamp, message) VALUES (5000, '2001-01-01', 'theirs')";
    home.database().execute(insert, []).expect("another program can write");
    until_left(&server, &["second"]);
    assert!(id(&server, "third") > 5000);
}

#[test]
fn rows_that_a_foreign_key_protects_stay_and_others_go() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT);
CREATE TABLE Notes (log INTEGER REFERENCES Log (id));
CREATE TABLE Later (log INTEGER REFERENCES Log (id) DEFERRABLE INITIALLY DEFERRED);";
    let keys = config::with_table(sql, KEYS)
        .replace("synchronous: NORMAL", "synchronous: NORMAL\n  foreign_keys: ON");
    let server = Home::new(&keys).start();
    server.store(&entries(YOUNG, &["young"]));
    let notes = "INSERT INTO Notes VALUES (3); INSERT INTO Later VALUES (5)";
    let database = server.home().database();
    database.execute_batch(&format!("PRAGMA foreign_keys = OFF; {notes}")).expect("notes");
    server.store(&entries(OLD, &["2", "3", "4", "5", "6"]));

    until_left(&server, &["young", "3", "5"]);

    until_told(&server, "a foreign key or trigger of the schema does not let them go");
}

/// The pages in use, as retention measures them.
fn used_bytes(home: &Home) -> i64 {
    let sql = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    home.database().query_row(sql, [], |row| row.get(0)).expect("the database can be asked")
}

const SIZES: &str =
    "vacuum_max_size: 3MB\nvacuum_target_size: 2MB\nvacuum_max_days: 10\ntask_vacuum_interval: 0.2";

fn large_entries(lines: std::ops::Range<usize>) -> Value {
    let text = "x".repeat(1000);
    lines.map(|line| json!({"message": text, "line": line})).collect()
}

#[test]
fn the_oldest_rows_go_when_the_database_is_too_large() {
    let server = Home::new(&config::with(SIZES)).start();
    server.store(&large_entries(0..2000));
    until_passed(&server);
    assert_eq!(deleted(&server, "size"), 0.0);

    server.store(&large_entries(2000..4000));

    until_told(&server, "by_age=0 by_rule=0 by_size=");
    assert!(used_bytes(server.home()) <= 2 << 20);
    let lines = server.rows("/logs?fields=line&limit=10000&order=asc");
    let lines: Vec<_> = lines.as_array().expect("rows").iter().map(|row| &row["line"]).collect();
    let first = 4000 - lines.len();
    assert!((1000..3000).contains(&first), "{first}");
    assert!(lines.iter().zip(first..).all(|(line, expected)| **line == expected), "{lines:?}");
    assert_eq!(deleted(&server, "size"), first as f64);
}

#[test]
fn no_row_goes_when_other_tables_fill_the_database() {
    let home = Home::new(&config::with(SIZES));
    let server = home.start();
    server.store(&json!({"message": "kept"}));
    let fill = "CREATE TABLE Theirs (bytes BLOB); INSERT INTO Theirs VALUES (zeroblob(4000000))";
    home.database().execute_batch(fill).expect("another program can write");

    until_told(&server, "other tables alone are larger than `vacuum_target_size`");

    assert_eq!(messages(&home), ["kept"]);
}

#[test]
fn no_further_row_goes_when_all_that_could_go_were_not_enough() {
    let server = Home::new(&config::with(SIZES)).start();
    let keep = "CREATE TRIGGER keep BEFORE DELETE ON Log WHEN OLD.line < 4000 BEGIN SELECT RAISE(ABORT, 'kept'); END";
    server.home().database().execute_batch(keep).expect("another program can write");
    server.store(&large_entries(0..4000));
    until_told(&server, "without any row that could be deleted");

    server.store(&json!({"message": "new"}));

    until_passed(&server);
    assert_eq!(messages(server.home()).last().map(String::as_str), Some("new"));
}

#[test]
fn subscribers_and_pages_see_each_young_row_once_while_old_ones_go() {
    let server = Home::new(&config::with(&format!("{KEYS}\nsse_debounce_ms: 0"))).start();
    let mut subscriber = server.subscribe("/logs/sse?fields=line&service==young");
    let text = ago(OLD, "%Y-%m-%dT%H:%M:%fZ");
    let young = 600;
    for at in 0..young / 20 {
        let lines = (at * 20)..(at * 20 + 20);
        let pairs = lines.flat_map(|line| {
            let old = json!({"timestamp": text, "service": "old", "message": "x"});
            [json!({"service": "young", "message": "x", "line": line}), old]
        });
        server.store(&pairs.collect());
    }
    let mut seen = Vec::new();
    let mut path = "/logs?fields=line&service==young&limit=50".to_owned();
    loop {
        let answer = server.get(&path);
        seen.extend(answer.column("line"));
        let Some(cursor) = answer.at("/result/cursor").as_str().map(str::to_owned) else { break };
        path = format!("/logs?fields=line&service==young&limit=50&cursor={cursor}");
    }
    let expected: Vec<Value> = (0..young).map(Value::from).collect();
    seen.reverse();
    assert_eq!(seen, expected);
    let streamed: Vec<_> =
        subscriber.rows(young).into_iter().map(|row| row["line"].clone()).collect();
    assert_eq!(streamed, expected);
    eventually("old rows are gone", || (deleted(&server, "age") == young as f64).then_some(()));
}

#[test]
fn the_example_starts_and_deletes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/retention.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let example = example.replace("task_vacuum_interval: 60", "task_vacuum_interval: 0.2");
    let server = Home::new(&format!("port: 0\n{example}")).start();
    let entry = |days: f64, level: &str| {
        let timestamp = ago(days, "%Y-%m-%dT%H:%M:%fZ");
        json!({"timestamp": timestamp, "level": level, "message": format!("{level} {days}")})
    };

    server.store(&json!([
        entry(2.0, "DEBUG"),
        entry(2.0, "ERROR"),
        entry(30.0, "ERROR"),
        entry(0.1, "DEBUG"),
    ]));

    until_left(&server, &["ERROR 2", "DEBUG 0.1"]);
}
