//! `loglite compress` and `loglite decompress`: rows that are there change their form, and nobody sees it.

mod recoded;

use loglite_e2e::{Home, config, eventually};
use serde_json::{Value, json};

use recoded::{
    COLUMNS, LISTED, TABLE, entries, filled, home, list, number, run, run_well, values_in,
};

/// All cells of the table, as SQLite holds them.
fn cells(home: &Home) -> Vec<String> {
    let sql = "SELECT id || ':' || typeof(service) || ':' || quote(service) || ':' || typeof(extra) || ':' || quote(extra)
        || ':' || typeof(code) || ':' || quote(code) FROM Log ORDER BY id";
    let database = home.database();
    let mut statement = database.prepare(sql).expect("a query");
    statement
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("the table can be read")
}

const QUESTIONS: [&str; 9] = [
    "/logs?limit=5000",
    "/logs?limit=5000&service==api",
    "/logs?limit=5000&service==7",
    "/logs?limit=5000&service=!=API",
    "/logs?limit=5000&service=~=a",
    "/logs?limit=5000&service=>=2",
    "/logs?limit=5000&extra=~=3",
    "/logs?limit=5000&code==api",
    "/logs?limit=5000&code=!=api",
];

/// What a client gets to see.
fn answers(home: &Home) -> Vec<Value> {
    let server = home.start();
    let answers = QUESTIONS.map(|question| server.get(question).at("/result"));
    assert_eq!(server.stop().code, Some(0));
    answers.to_vec()
}

#[test]
fn rows_read_the_same_compressed_and_are_the_same_when_decompressed() {
    let home = filled();
    let (before, plain) = (cells(&home), answers(&home));

    let exit = run_well(&home, "compress", &COLUMNS);
    for text in [
        "service: 1,790 rows compressed",
        "the table and an index",
        "restart the service",
        "VACUUM",
    ] {
        assert!(exit.stdout.contains(text), "{text}: {exit:#?}");
    }
    // A value of 10,000 bytes stays in its row.
    assert_eq!(values_in(&home, "service"), 105);
    assert!(exit.stdout.contains("105 rows keep their values"), "{exit:#?}");
    assert_eq!((values_in(&home, "extra"), values_in(&home, "code")), (0, 0));

    for keys in ["", LISTED] {
        list(&home, keys);
        for ((question, plain), now) in QUESTIONS.iter().zip(&plain).zip(answers(&home)) {
            assert_eq!(*plain, now, "{question}");
        }
    }

    list(&home, "");
    let exit = run_well(&home, "decompress", &COLUMNS);
    assert!(exit.stdout.contains("service: 1,790 rows decompressed"), "{exit:#?}");
    assert_eq!(cells(&home), before);
    assert_eq!(number(&home, "SELECT count(*) FROM column_dictionary"), 0);
    assert_eq!(answers(&home), plain);
}

#[test]
fn each_command_may_be_repeated_and_ids_are_not_used_again() {
    let home = filled();
    let before = cells(&home);
    for _ in 0..2 {
        run_well(&home, "compress", &COLUMNS);
        let compressed = cells(&home);
        let first =
            number(&home, "SELECT min(value_id) FROM column_dictionary WHERE column = 'service'");
        let last =
            number(&home, "SELECT max(value_id) FROM column_dictionary WHERE column = 'service'");
        let again = run_well(&home, "compress", &COLUMNS);
        assert!(again.stdout.contains("service: 0 rows compressed"), "{again:#?}");
        assert_eq!(cells(&home), compressed);

        run_well(&home, "decompress", &COLUMNS);
        let again = run_well(&home, "decompress", &COLUMNS);
        assert!(again.stdout.contains("service: 0 rows decompressed"), "{again:#?}");
        assert_eq!(cells(&home), before);
        let next =
            number(&home, "SELECT next_value_id FROM loglite_compression WHERE column = 'service'");
        assert!(first < last && last < next, "{first} {last} {next}");
    }
}

#[test]
fn a_column_that_was_never_compressed_is_left_alone_by_decompress() {
    let home = filled();
    let exit = run_well(&home, "decompress", &["service"]);
    assert!(exit.stdout.contains("0 rows"), "{exit:#?}");
    assert_eq!(
        number(&home, "SELECT count(*) FROM sqlite_master WHERE name = 'loglite_compression'"),
        0
    );
}

#[test]
fn what_can_not_be_done_is_told_with_the_way_out_and_changes_nothing() {
    let home = filled();
    let before = cells(&home);
    for (command, columns, part) in [
        ("compress", &["nosuch"][..], "it has: id, timestamp, message, ratio, level"),
        ("compress", &["service", "timestamp"], "the timestamp column"),
        ("compress", &["id"], "the row id"),
        ("compress", &["day"], "a generated column"),
        ("compress", &["message"], "INTEGER"),
        ("compress", &["ratio"], "INTEGER"),
        ("compress", &["level"], "`shout`"),
        ("compress", &[], "--column NAME"),
        ("decompress", &[], "--column NAME"),
        ("decompress", &["nosuch"], "it has: id, timestamp, message, ratio, level"),
    ] {
        let exit = run(&home, command, columns);
        assert_eq!(exit.code, Some(2), "{columns:?}: {exit:#?}");
        assert!(exit.stderr.contains(part), "{columns:?}: {exit:#?}");
    }
    assert_eq!(cells(&home), before);
    let absent = run(&Home::new(&config::with_table(TABLE, "")), "compress", &["service"]);
    assert_eq!(absent.code, Some(2), "{absent:#?}");
    assert!(absent.stderr.contains("there is no database at"), "{absent:#?}");
}

#[test]
fn constraints_and_triggers_in_the_way_are_named_before_anything_is_changed() {
    let home = filled();
    let trigger = "CREATE TRIGGER audit AFTER UPDATE OF service ON Log BEGIN SELECT 1; END";
    home.database().execute_batch(trigger).expect("created");
    let before = cells(&home);
    for command in ["compress", "decompress"] {
        let exit = run(&home, command, &["service"]);
        assert_eq!(exit.code, Some(2), "{exit:#?}");
        assert!(exit.stderr.contains("triggers of `Log` (audit)"), "{exit:#?}");
    }
    assert_eq!(cells(&home), before);

    let table = TABLE
        .replace("level INTEGER", "level INTEGER CHECK (level IN (0, 1, 2, 3))")
        .replace("upper(level)", "''");
    let home = Home::new(&config::with_table(&table, ""));
    let server = home.start();
    server.store(&entries());
    assert_eq!(server.stop().code, Some(0));
    let before = cells(&home);
    let exit = run(&home, "compress", &["level"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("level IN (0, 1, 2, 3)"), "{exit:#?}");
    assert_eq!(cells(&home), before);
}

#[test]
fn a_trigger_on_another_column_is_not_in_the_way() {
    let home = filled();
    let trigger =
        "CREATE TRIGGER audit AFTER UPDATE OF message ON Log BEGIN SELECT RAISE(ABORT, 'no'); END";
    home.database().execute_batch(trigger).expect("created");
    run_well(&home, "compress", &["service"]);
}

#[test]
fn a_full_dictionary_leaves_the_other_values_in_their_rows() {
    let keys = "compression:\n  enabled: true\n  columns: [service]\n  max_values: 1000";
    let home = filled();
    let fill = "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000)
        INSERT INTO Log (timestamp, message, service) SELECT '2026-01-02', 'n' || x, 's' || x FROM n";
    home.database().execute_batch(fill).expect("filled");
    list(&home, keys);

    let exit = run_well(&home, "compress", &[]);

    assert!(exit.stdout.contains("its dictionary has 1,000 values"), "{exit:#?}");
    assert!(exit.stdout.contains("keep their values"), "{exit:#?}");
    assert_eq!(number(&home, "SELECT count(*) FROM column_dictionary"), 1000);
    let server = home.start();
    for service in ["s1", "s500", "s99999", "api"] {
        let expected = if service == "api" { 106 } else { 1 };
        let path = format!("/logs?limit=1&service=={service}");
        assert_eq!(server.get(&path).at("/result/total"), expected, "{service}");
        assert_eq!(server.rows(&path)[0]["service"], service);
    }
}

#[test]
fn a_dry_run_tells_what_would_be_saved_and_changes_nothing() {
    let home = filled();
    let before = cells(&home);
    let exit = home.run(&["compress", "-c", "config.yaml", "--column", "extra", "--dry-run"]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stdout.contains("extra: 9 values in 2,000 rows; "), "{exit:#?}");
    assert_eq!(cells(&home), before);
    assert_eq!(
        number(&home, "SELECT count(*) FROM sqlite_master WHERE name = 'loglite_compression'"),
        0
    );
}

#[test]
fn a_column_that_the_configuration_compresses_is_not_decompressed() {
    let home = filled();
    run_well(&home, "compress", &["service"]);
    list(&home, LISTED);
    let before = cells(&home);
    let exit = run(&home, "decompress", &["service"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("take it out there"), "{exit:#?}");
    assert_eq!(cells(&home), before);
}

#[test]
fn one_command_works_at_a_time_and_ctrl_c_ends_it_cleanly() {
    let home = filled();
    let fill = "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000)
        INSERT INTO Log (timestamp, message, service) SELECT '2026-01-02', 'n' || x, 's' || (x % 50) FROM n";
    home.database().execute_batch(fill).expect("filled");
    let first = home.launch(&["compress", "-c", "config.yaml", "--column", "service"]).spawn();
    let is_left = "SELECT count(*) FROM Log WHERE typeof(service) = 'text'";
    eventually("rows are compressed", || {
        let database = home.database();
        let has_dictionary = database.table_exists(None, "column_dictionary").expect("readable");
        (has_dictionary && number(&home, "SELECT count(*) FROM column_dictionary") > 20)
            .then_some(())
    });

    let second = run(&home, "compress", &["service"]);
    assert_eq!(second.code, Some(1), "{second:#?}");
    assert!(second.stderr.contains(&format!("(process {})", first.pid())), "{second:#?}");

    first.interrupt();
    let exit = first.wait();
    assert_eq!(exit.code, Some(130), "{exit:#?}");
    assert!(exit.stdout.contains("the same command goes on where it was"), "{exit:#?}");
    assert!(number(&home, is_left) > 0);
    let longest =
        "SELECT count(*) FROM Log WHERE typeof(service) = 'text' AND length(service) < 4096";
    run_well(&home, "compress", &["service"]);
    assert_eq!(number(&home, longest), 0);
}

#[test]
fn rows_whose_value_is_lost_stay_ids_until_the_dictionary_is_restored() {
    let home = filled();
    let before = cells(&home);
    run_well(&home, "compress", &["extra"]);
    let database = home.database();
    let lost = "CREATE TABLE saved AS SELECT * FROM column_dictionary;
        DELETE FROM column_dictionary WHERE value LIKE '%3%'";
    database.execute_batch(lost).expect("deleted");

    let exit = run(&home, "decompress", &["extra"]);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    for part in [
        "could not change 222 rows of the column `extra`",
        "the first is row 4",
        "`column_dictionary` has no value for its id",
    ] {
        assert!(exit.stderr.contains(part), "{part}: {exit:#?}");
    }
    assert_eq!(
        number(&home, "SELECT holds_ids FROM loglite_compression WHERE column = 'extra'"),
        1
    );

    database
        .execute_batch(
            "DELETE FROM column_dictionary; INSERT INTO column_dictionary SELECT * FROM saved",
        )
        .expect("restored");
    run_well(&home, "decompress", &["extra"]);
    assert_eq!(cells(&home), before);
}

#[test]
fn a_column_that_an_older_loglite_has_compressed_is_decompressed() {
    let home = home();
    assert_eq!(home.start().stop().code, Some(0));
    // The Python generation gave NULL an id, and entered a value twice at times.
    let older = "CREATE TABLE IF NOT EXISTS column_dictionary (id INTEGER PRIMARY KEY AUTOINCREMENT,
            column TEXT NOT NULL, value_id INTEGER NOT NULL, value JSON);
        INSERT INTO column_dictionary (column, value_id, value) VALUES ('service', 1, 'api'), ('service', 2, 7),
            ('service', 3, NULL), ('service', 4, 'api'), ('level', 1, 'INFO');
        INSERT INTO Log (timestamp, message, service)
            VALUES ('t', 'a', 1), ('t', 'b', 2), ('t', 'c', 3), ('t', 'd', 4), ('t', 'e', 'plain'), ('t', 'f', NULL)";
    home.database().execute_batch(older).expect("as an older loglite leaves it");

    run_well(&home, "decompress", &["service"]);

    let services = "SELECT group_concat(quote(service), ' ') FROM (SELECT * FROM Log ORDER BY id)";
    let services: String =
        home.database().query_row(services, [], |row| row.get(0)).expect("readable");
    assert_eq!(services, "'api' 7 NULL 'api' 'plain' NULL");
    let left = "SELECT count(*) FROM column_dictionary WHERE column = 'level'";
    assert_eq!(
        (number(&home, left), number(&home, "SELECT count(*) FROM column_dictionary")),
        (1, 1)
    );
    let next = "SELECT next_value_id FROM loglite_compression WHERE column = 'service'";
    assert_eq!(number(&home, next), 5);
}

#[test]
fn rows_that_a_unique_index_refuses_keep_their_values_and_are_named() {
    let home = home();
    let server = home.start();
    assert_eq!(server.stop().code, Some(0));
    list(&home, LISTED);
    home.database().execute_batch("CREATE UNIQUE INDEX once ON Log (service)").expect("created");
    let server = home.start();
    let entry =
        |service: Value| json!({"timestamp": "2026-01-01", "message": "m", "service": service});
    server.store(&json!([entry(json!("007")), entry(json!(7)), entry(json!("x"))]));
    assert_eq!(server.stop().code, Some(0));
    list(&home, "");

    let exit = run(&home, "decompress", &["service"]);

    // In a column of numbers, `007` is 7.
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("could not change 1 row of the column `service`"), "{exit:#?}");
    let server = home.start();
    assert_eq!(
        server.rows("/logs?fields=service&order=asc&limit=5").as_array().map(Vec::len),
        Some(3)
    );
}
