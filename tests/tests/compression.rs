//! Writing compressed columns: rows hold ids, the dictionary each value once, and what clients see is as without.

use loglite_e2e::{Home, Response, Server, config};
use serde_json::{Value, json};

const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp DATETIME TEXT DEFAULT '2026-01-01T00:00:00Z', message TEXT,
    level INTEGER NOT NULL DEFAULT 'INFO', service INTEGER, day INTEGER DEFAULT (date('2026-02-03')), extra JSON
);
CREATE INDEX idx_level ON Log (level);";
const COLUMNS: &str = "[level, service, day, extra]";

fn home(keys: &str) -> Home {
    Home::new(&config::with_table(TABLE, keys))
}

fn compressed() -> Home {
    home(&format!("compression: {{enabled: true, columns: {COLUMNS}}}"))
}

/// What a query of one value per row finds, as text.
fn found(home: &Home, sql: &str) -> Vec<String> {
    let database = home.database();
    let mut statement = database.prepare(sql).expect("a statement");
    let values = statement.query_map([], |row| {
        row.get::<_, rusqlite::types::Value>(0).map(|value| match value {
            rusqlite::types::Value::Integer(integer) => integer.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        })
    });
    values.and_then(Iterator::collect).expect("values")
}

/// Ids in rows that the dictionary has no value for.
fn undecodable(home: &Home, column: &str) -> Vec<String> {
    found(
        home,
        &format!(
            "SELECT {column} FROM Log WHERE typeof({column}) = 'integer' AND {column} NOT IN
                (SELECT value_id FROM column_dictionary WHERE \"column\" = '{column}')"
        ),
    )
}

#[test]
fn rows_hold_ids_also_after_a_restart_and_clients_see_values() {
    let home = compressed();
    let server = home.start();
    server.store(&json!([
        {"message": "a", "level": "ERROR", "service": "api", "extra": {"n": 1}},
        {"message": "b", "service": 1},
        {"message": "c", "level": "ERROR", "service": "1", "day": null},
    ]));
    assert_eq!(server.stop().code, Some(0));
    let server = home.start();
    server.store(&json!([
        {"message": "d", "level": "INFO", "service": "api", "extra": {"n": 1}},
        {"message": "e", "level": "DEBUG", "service": "007"},
    ]));

    let rows = server.rows("/logs?order=asc&fields=level,service,day,extra");
    let metrics = server.get("/metrics").text();

    assert_eq!(
        rows,
        json!([
            {"level": "ERROR", "service": "api", "day": "2026-02-03", "extra": {"n": 1}},
            {"level": "INFO", "service": 1, "day": "2026-02-03", "extra": null},
            {"level": "ERROR", "service": "1", "day": null, "extra": null},
            {"level": "INFO", "service": "api", "day": "2026-02-03", "extra": {"n": 1}},
            {"level": "DEBUG", "service": "007", "day": "2026-02-03", "extra": null},
        ])
    );
    assert!(metrics.contains("loglite_dictionary_values{column=\"level\"} 3"), "{metrics}");
    drop(server);
    assert_eq!(found(&home, "SELECT level FROM Log ORDER BY id"), ["1", "2", "1", "2", "3"]);
    assert_eq!(found(&home, "SELECT service FROM Log ORDER BY id"), ["1", "2", "3", "1", "4"]);
    let values = "SELECT value FROM column_dictionary WHERE \"column\" = 'level' ORDER BY value_id";
    assert_eq!(found(&home, values), ["ERROR", "INFO", "DEBUG"]);
}

/// An answer to a POST, and all rows then.
fn outcome(table: &str, keys: &str, entries: &Value) -> (Value, Value) {
    let home = Home::new(&config::with_table(table, keys));
    let server = home.start();
    let answer = server.post(entries.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    // Once more, with all values known.
    server.store(&json!({"message": "last", "service": "b"}));
    let rows = server.rows("/logs?order=asc");
    drop(server);
    if keys.contains("compression") {
        assert_eq!(undecodable(&home, "service"), Vec::<String>::new(), "{table}");
    }
    (answer.at("/result"), rows)
}

#[test]
fn conflict_rules_and_triggers_do_what_they_do_on_plain_columns() {
    let entry = |at: usize| {
        let messages = ["a", "b", "a", "fail", "c", "skip", "abort", "lose", "b"];
        let services = ["x", "y", "z", "x", "new", "y"];
        let message = messages.get(at % 9).map(|text| format!("{text}{}", at / 18));
        let service = services.get(at % 6).map(|text| format!("{text}{}", at / 5));
        json!({"message": message, "service": service})
    };
    let entries: Value = (0..90).map(entry).collect();
    let triggers = "
        CREATE TRIGGER skip BEFORE INSERT ON Log WHEN new.message LIKE 'skip%' BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER abort BEFORE INSERT ON Log WHEN new.message LIKE 'abort%' BEGIN SELECT RAISE(ABORT, 'no'); END;
        CREATE TRIGGER fail AFTER INSERT ON Log WHEN new.message LIKE 'fail%' BEGIN SELECT RAISE(FAIL, 'no'); END;
        CREATE TRIGGER lose AFTER INSERT ON Log WHEN new.message LIKE 'lose%' BEGIN SELECT RAISE(ROLLBACK, 'no'); END;";
    let rules = ["ABORT", "ROLLBACK", "FAIL", "IGNORE", "REPLACE"]
        .map(|rule| (format!("message TEXT UNIQUE ON CONFLICT {rule}"), ""));
    for (columns, more) in rules.into_iter().chain([("message TEXT".to_owned(), triggers)]) {
        let table = format!(
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, {columns}, service INTEGER NOT NULL);{more}"
        );
        let plain = outcome(&table, "", &entries);
        let keys = "compression: {enabled: true, columns: [service]}";
        assert_eq!(outcome(&table, keys, &entries), plain, "{table}");
        assert!(
            !plain.0["refused"].as_array().expect("a list").is_empty()
                || columns.contains("REPLACE")
        );
    }
}

#[test]
fn many_values_are_bounded_in_the_dictionary_and_all_of_them_are_read() {
    const BATCHES: usize = 20;
    const ROWS: usize = 2500;
    let home = home("compression: {enabled: true, columns: [service], max_values: 1000}");
    let server = home.start();
    for batch in 0..BATCHES {
        let service = |row| json!({"message": "m", "service": format!("s-{}", batch * ROWS + row)});
        server.store(&(0..ROWS).map(service).collect());
    }

    for (service, message) in [(5, "known"), (40_000, "stands for itself")] {
        let answer = server.query(&[("service", &format!("=s-{service}"))]);
        assert_eq!(answer.at("/result/results/0/service"), format!("s-{service}"), "{message}");
        assert_eq!(answer.at("/result/total"), 1, "{message}");
    }
    let log = server.process().stderr();
    assert_eq!(log.matches("the dictionary of the column is full").count(), 1, "{log}");
    drop(server);
    assert_eq!(found(&home, "SELECT count(*) FROM column_dictionary"), ["1000"]);
    let distinct = "SELECT count(DISTINCT service) FROM Log";
    assert_eq!(found(&home, distinct), [(BATCHES * ROWS).to_string()]);
}

#[test]
fn an_emptied_dictionary_is_told_at_the_start_and_takes_new_values() {
    let home = compressed();
    let server = home.start();
    server.store(&json!([{"message": "old", "service": "api"}, {"message": "none"}]));
    assert_eq!(server.stop().code, Some(0));
    home.database().execute("DELETE FROM column_dictionary", []).expect("emptied");

    let server = home.start();
    server.store(&json!({"message": "new", "service": "other"}));

    let log = server.process().stderr();
    assert!(log.contains("ERROR") && log.contains("has lost values of the column"), "{log}");
    assert_eq!(
        server.rows("/logs?order=asc&fields=message"),
        json!([{"message": "old"}, {"message": "none"}, {"message": "new"}])
    );
    assert_eq!(server.rows("/logs?fields=service&message==new"), json!([{"service": "other"}]));
    assert_eq!(server.rows("/logs?fields=service&message==none"), json!([{"service": null}]));
    let answer = server.get("/logs?fields=service&message==old");
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.error().contains("`service`"), "{answer:?}");
}

#[test]
fn a_column_that_is_no_longer_listed_is_read_and_written_on() {
    let home = compressed();
    let server = home.start();
    server.store(&json!([{"message": "a", "service": "api"}, {"message": "b", "service": 7}]));
    assert_eq!(server.stop().code, Some(0));
    home.write_config(&config::with_table(TABLE, ""));

    let server = home.start();
    server.store(&json!([{"message": "c", "service": "api"}, {"message": "d", "service": 7}]));

    let log = server.process().stderr();
    assert!(log.contains("is not in `compression.columns`"), "{log}");
    let messages =
        |filter: &str| server.query(&[("order", "asc"), ("service", filter)]).column("message");
    assert_eq!(messages("=api"), [json!("a"), json!("c")]);
    assert_eq!(messages(">=7"), [json!("a"), json!("b"), json!("c"), json!("d")]);
    assert_eq!(messages("=7"), [json!("b"), json!("d")]);
    assert_eq!(server.get("/logs?level==INFO").at("/result/total"), 4);
}

/// Starts with this in `compression.columns`, which is refused; returns what it says.
fn refusal(columns: &str) -> String {
    let keys = format!("compression: {{enabled: true, columns: {columns}}}");
    let exit = Home::new(&config::with(&keys)).run(&["serve", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(!exit.stderr.contains("listening"), "{exit:#?}");
    exit.stderr
}

#[test]
fn a_column_that_cannot_be_compressed_is_refused_with_the_way_out() {
    for (columns, reason) in [
        ("[lvl]", "has no column `lvl`; it has: id, timestamp, level, service"),
        ("[timestamp]", "the timestamp column"),
        ("[id]", "the row id"),
        ("[ratio]", "is declared REAL"),
        ("[service]", "is declared TEXT"),
        ("[]", "`compression`: expected the names of columns"),
        ("[line, LINE]", "expected each column once"),
    ] {
        let said = refusal(columns);
        assert!(said.contains(reason), "{reason} in {said}");
    }
}

#[test]
fn the_migration_that_a_refusal_prints_makes_the_column_one_that_is_compressed() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!([{"message": "a", "level": "ERROR"}, {"message": "b"}]));
    assert_eq!(server.stop().code, Some(0));
    let listed = config::with("compression: {enabled: true, columns: [level]}");
    home.write_config(&listed);
    let said = home.run(&["serve", "-c", "config.yaml"]).stderr;
    let (_, migration) = said.split_once("such as this one:\n").expect("a migration");
    let migration: Vec<_> = migration.lines().take_while(|line| line.starts_with("  ")).collect();

    let marker = "compression:";
    home.write_config(&listed.replace(marker, &format!("{}\n{marker}", migration.join("\n"))));
    let server = home.start();
    server.store(&json!([{"message": "c"}, {"message": "d", "level": "ERROR"}]));

    let rows = server.rows("/logs?order=asc&fields=message,level");
    let level = |message: &str, level: &str| json!({"message": message, "level": level});
    let expected =
        [level("a", "ERROR"), level("b", "INFO"), level("c", "INFO"), level("d", "ERROR")];
    assert_eq!(rows, json!(expected));
    assert_eq!(server.get("/logs?level==ERROR").at("/result/total"), 2);
    drop(server);
    assert_eq!(found(&home, "SELECT level FROM Log ORDER BY id"), ["ERROR", "INFO", "1", "2"]);
}

#[test]
fn numbers_that_nobody_knows_as_ids_are_never_taken_for_ids() {
    let home = home("");
    let server = home.start();
    server.store(&json!({"message": "a", "service": 404}));
    assert_eq!(server.stop().code, Some(0));
    home.write_config(&config::with_table(
        TABLE,
        "compression: {enabled: true, columns: [service]}",
    ));

    let exit = home.run(&["serve", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("loglite compress"), "{exit:#?}");
    assert!(exit.stderr.contains("restore the table `column_dictionary`"), "{exit:#?}");
}

#[test]
fn numbers_among_ids_that_are_none_are_told_at_the_start() {
    let home = compressed();
    let server = home.start();
    server.store(&json!([{"message": "a", "service": "api"}]));
    let exit = server.stop();
    let warning = "numbers that are no ids";
    assert!(!exit.stderr.contains(warning), "{exit:#?}");
    let sql = "UPDATE Log SET service = 99";
    assert_eq!(home.database().execute(sql, []).expect("another program"), 1);

    let exit = home.start().stop();

    assert_eq!(exit.stderr.matches(warning).count(), 1, "{exit:#?}");
}

#[test]
fn the_example_starts_and_compresses() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/enable-compression.yaml");
    let example = std::fs::read_to_string(path).expect("the example");
    let home = Home::new(&example.replace("port: 7788", "port: 0"));
    let server: Server = home.start();
    let entries: Value = (0..50)
        .map(|at| json!({"message": format!("m{at}"), "level": "ERROR", "service": "api", "logger": "http"}))
        .collect();
    server.store(&entries);

    let answer: Response = server.get("/logs?level==ERROR&environment==production&limit=1");

    assert_eq!(answer.at("/result/total"), 50);
    assert_eq!(answer.at("/result/results/0/logger"), "http");
    drop(server);
    assert_eq!(found(&home, "SELECT count(*) FROM column_dictionary"), ["4"]);
}
