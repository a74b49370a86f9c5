//! `loglite stats`: the numbers against what SQLite itself counts, and hints against what compression really saves.

use std::sync::atomic::{AtomicBool, Ordering};

use loglite_e2e::{Exit, Home, config};
use serde_json::{Value, json};

const TABLE: &str = "CREATE TABLE Log (
    id INTEGER PRIMARY KEY, timestamp DATETIME TEXT, level TEXT, service JSON, message TEXT, line INTEGER
);
CREATE INDEX by_time ON Log (timestamp);
CREATE INDEX by_service ON Log (service);";

fn config_with(keys: &str) -> String {
    config::with_table(TABLE, keys)
}

/// A database with the table, filled by this statement, which no loglite has opened.
fn filled(keys: &str, insert: &str) -> Home {
    let home = Home::new(&config_with(keys));
    home.database().execute_batch(&format!("{TABLE}{insert}")).expect("filled");
    home
}

/// So many rows a minute apart, up to now, with six services.
fn minutes(rows: u32) -> String {
    format!(
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {rows})
         INSERT INTO Log (timestamp, level, service, message, line)
         SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || ({rows} - x) || ' minutes'),
                iif(x % 3, 'INFORMATION', 'WARNING'), 'a-service-of-some-name-' || (x % 6),
                hex(randomblob(12)), iif(x % 10, NULL, x)
         FROM n;"
    )
}

fn stats(home: &Home, arguments: &[&str]) -> Exit {
    home.run(&[&["stats", "-c", "config.yaml"], arguments].concat())
}

#[track_caller]
fn json_of(home: &Home, arguments: &[&str]) -> Value {
    let exit = stats(home, &[&["--json"], arguments].concat());
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:#?}"))
}

#[track_caller]
fn text_of(home: &Home) -> String {
    let exit = stats(home, &[]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    exit.stdout
}

fn at<'a>(report: &'a Value, pointer: &str) -> &'a Value {
    report.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}: {report:#}"))
}

fn number(report: &Value, pointer: &str) -> f64 {
    at(report, pointer).as_f64().unwrap_or_else(|| panic!("{pointer} is no number: {report:#}"))
}

fn column<'a>(report: &'a Value, name: &str) -> &'a Value {
    let columns = at(report, "/columns").as_array().into_iter().flatten();
    columns.clone().find(|column| at(column, "/name") == name).expect("the column is there")
}

fn sql_number(home: &Home, sql: &str) -> f64 {
    let number: i64 = home.database().query_row(sql, [], |row| row.get(0)).expect(sql);
    f64::from(i32::try_from(number).expect("a small number"))
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let off = (found - expected).abs();
    assert!(off <= expected.abs() * tolerance, "{found} is not near {expected}");
}

/// What the file takes once its pages are packed.
fn packed_bytes(home: &Home) -> f64 {
    home.database().execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").expect("vacuumed");
    sql_number(home, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
}

#[test]
fn the_numbers_are_those_of_the_table() {
    let home = filled(
        "",
        "INSERT INTO Log (timestamp, level, line) VALUES
            ('2026-03-01T10:00:00Z', 'INFO', 1), ('2026-03-01T23:30:00-02:00', 'INFO', 2),
            (1772539200, 'ERROR', NULL), ('soon', 'INFO', 4), (NULL, 'INFO', NULL);",
    );

    let report = json_of(&home, &[]);

    assert_eq!((at(&report, "/rows"), at(&report, "/rows_read")), (&json!(5), &json!(5)));
    assert_eq!(at(&report, "/entries/oldest"), "2026-03-01T10:00:00Z");
    assert_eq!(at(&report, "/entries/newest"), "2026-03-03T12:00:00Z");
    assert_eq!(at(&report, "/entries/unreadable"), 2);
    let days = json!([
        {"day": "2026-03-01", "rows": 1}, {"day": "2026-03-02", "rows": 1}, {"day": "2026-03-03", "rows": 1}
    ]);
    assert_eq!(at(&report, "/entries/days"), &days);
    for (name, values, nulls) in [("id", 5, 0), ("level", 2, 0), ("line", 3, 2), ("service", 0, 5)]
    {
        let column = column(&report, name);
        let expected = json!({"count": values, "certainty": "exact"});
        assert_eq!(
            (at(column, "/values"), at(column, "/nulls")),
            (&expected, &json!(nulls)),
            "{name}"
        );
    }
    // Four of INFO, one of ERROR, each with a byte for its type.
    assert_eq!(at(column(&report, "level"), "/bytes"), 26);
}

#[test]
fn tables_and_indexes_take_what_sqlite_counts() {
    let home = Home::new(&config_with(""));
    let fill = minutes(5000);
    home.database()
        .execute_batch(&format!(
            "PRAGMA auto_vacuum = 2; {TABLE} {fill} DELETE FROM Log WHERE id < 1000"
        ))
        .expect("filled");

    let report = json_of(&home, &[]);

    for (name, kind) in
        [("Log", "log_table"), ("by_time", "log_index"), ("by_service", "log_index")]
    {
        let sql = format!("SELECT sum(pgsize) FROM dbstat WHERE name = '{name}'");
        let objects = at(&report, "/space/objects").as_array().into_iter().flatten();
        let object = objects.clone().find(|object| at(object, "/name") == name).expect(name);
        assert_eq!(
            (at(object, "/kind"), number(object, "/bytes")),
            (&json!(kind), sql_number(&home, &sql))
        );
        assert_eq!(at(object, "/estimated"), false);
    }
    let page = sql_number(&home, "PRAGMA page_size");
    let free = sql_number(&home, "PRAGMA freelist_count");
    assert!(free > 0.0, "the test deletes enough");
    assert_eq!(number(&report, "/space/free_bytes"), free * page);
    let all = sql_number(&home, "PRAGMA page_count") * page;
    assert_eq!(number(&report, "/space/database_bytes"), all);
    assert_eq!(number(&report, "/space/used_bytes"), all - free * page);
}

#[test]
fn a_hint_says_how_much_compression_really_saves() {
    let home = filled("", &minutes(40_000));
    let plain = packed_bytes(&home);

    let report = json_of(&home, &[]);
    let text = text_of(&home);

    let hint = at(column(&report, "service"), "/compression");
    assert_eq!(at(hint, "/state"), "would_save");
    assert_eq!(at(column(&report, "level"), "/compression/state"), "would_save_after_migration");
    for name in ["id", "timestamp", "message", "line"] {
        assert_eq!(at(column(&report, name), "/compression/state"), "no_gain", "{name}");
    }
    let command = "loglite compress -c config.yaml --column service";
    assert!(text.contains(&format!("    {command}\n")), "{text}");
    assert!(text.contains("  service: 6 values in 40 000 rows, "), "{text}");

    let migrated = home.run(&["migrate", "rollout", "-c", "config.yaml"]);
    assert_eq!(migrated.code, Some(1), "its table is there: {migrated:#?}");
    let arguments: Vec<_> = command.split(' ').skip(1).collect();
    let compressed = home.run(&arguments);
    assert_eq!(compressed.code, Some(0), "{compressed:#?}");
    let saved = plain - packed_bytes(&home);
    assert_near(number(hint, "/bytes"), saved, 0.2);

    let report = json_of(&home, &[]);
    let state = at(column(&report, "service"), "/compression");
    assert_eq!(
        (at(state, "/state"), at(state, "/dictionary_values")),
        (&json!("compressed"), &json!(6))
    );
    assert_eq!(at(state, "/plain_rows"), 0);
    assert_near(number(state, "/saved_bytes"), saved, 0.2);
    assert_eq!(at(column(&report, "service"), "/values/count"), 6);
}

#[test]
fn the_text_fits_a_terminal_and_holds_no_codes() {
    let home = filled("", &minutes(40_000));

    let text = text_of(&home);

    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains('\u{1b}') && !line.ends_with(' '), "{line:?}");
    }
    for heading in ["space", "rows per day (UTC)", "columns ", "compression", "retention"] {
        assert!(text.lines().any(|line| line.starts_with(heading)), "no {heading}: {text}");
    }
}

#[test]
fn a_large_table_is_sampled_unless_all_is_asked_for() {
    let home = filled("", &minutes(600_000));

    let sampled = json_of(&home, &[]);
    let exact = json_of(&home, &["--exact"]);

    assert_eq!(at(&exact, "/rows_read"), 600_000);
    assert!(number(&sampled, "/rows_read") < 300_000.0, "{sampled:#}");
    assert_eq!(at(&sampled, "/rows"), 600_000);
    for (name, values) in
        [("service", 6.0), ("level", 2.0), ("line", 60_000.0), ("message", 600_000.0)]
    {
        let values_of = |report| number(column(report, name), "/values/count");
        assert_near(values_of(&sampled), values, 0.1);
        if values < 100_000.0 {
            assert_near(values_of(&exact), values, 0.0);
        }
        assert_near(
            number(column(&sampled, name), "/bytes"),
            number(column(&exact, name), "/bytes"),
            0.02,
        );
    }
    assert_near(number(column(&sampled, "line"), "/nulls"), 540_000.0, 0.02);
    assert_near(number(&sampled, "/entries/days/7/rows"), 1440.0, 0.2);
    assert_near(number(&sampled, "/entries/rows_per_day"), 1440.0, 0.1);
    assert_eq!(at(&sampled, "/entries/oldest"), at(&exact, "/entries/oldest"));
    assert!(text_of(&home).contains("--exact reads all"));
}

#[test]
fn it_tells_when_the_size_limit_is_reached() {
    let home = filled("vacuum_max_size: 64MB\nvacuum_target_size: 60MB", &minutes(20_000));

    let report = json_of(&home, &[]);

    let per_row = number(&report, "/space/used_bytes") / 20_000.0;
    assert_near(number(&report, "/retention/bytes_per_day"), per_row * 1440.0, 0.01);
    let room = f64::from(64 << 20) - number(&report, "/space/used_bytes");
    assert_near(number(&report, "/retention/days_until_max_bytes"), room / per_row / 1440.0, 0.01);
    assert!(text_of(&home).contains("the size limit of 64 MB is reached in about "));
}

#[test]
fn a_size_limit_that_age_comes_before_is_not_reached() {
    let keys = "vacuum_max_days: 14\nvacuum_max_size: 64MB\nvacuum_target_size: 60MB";
    let home = filled(keys, &minutes(20_000));

    assert_eq!(at(&json_of(&home, &[]), "/retention/days_until_max_bytes"), &Value::Null);
    assert!(text_of(&home).contains("14 days take "), "{}", text_of(&home));
}

#[test]
fn an_empty_table_has_no_entries_and_is_no_error() {
    let home = filled("", "");

    let report = json_of(&home, &[]);

    assert_eq!((at(&report, "/rows"), at(&report, "/entries/oldest")), (&json!(0), &Value::Null));
    assert_eq!(at(&report, "/entries/days"), &json!([]));
    assert!(text_of(&home).contains("Log, 0 rows"));
}

#[test]
fn without_a_database_or_a_table_the_error_says_what_to_do() {
    let home = Home::new(&config_with(""));
    let absent = stats(&home, &[]);
    assert_eq!(absent.code, Some(1), "{absent:#?}");
    assert!(absent.stderr.contains("there is no database at ./db/logs.db"), "{absent:#?}");
    assert!(!home.database_path().exists(), "it makes none");

    home.database().execute_batch("CREATE TABLE other (a)").expect("made");
    let missing = stats(&home, &[]);
    assert_ne!(missing.code, Some(0), "{missing:#?}");
    assert!(missing.stderr.contains("Log"), "{missing:#?}");
}

#[test]
fn the_file_is_left_as_it_is() {
    let home = filled("", &minutes(2000));
    let before = std::fs::read(home.database_path()).expect("readable");

    json_of(&home, &[]);
    json_of(&home, &["--exact"]);

    assert!(std::fs::read(home.database_path()).expect("readable") == before, "it was changed");
}

#[test]
fn it_runs_beside_a_service_that_is_written_to() {
    let home = Home::new(&config_with(""));
    let server = home.start();
    server.store(&json!([{"timestamp": "2026-01-01T00:00:00Z"}]));
    let is_over = AtomicBool::new(false);

    let stored = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut stored = 1;
            while !is_over.load(Ordering::Relaxed) && stored < 100_000 {
                server.store(&json!([{"level": "INFO"}, {"level": "WARNING"}]));
                stored += 2;
            }
            stored
        });
        let mut last = 0.0;
        for _ in 0..5 {
            let rows = number(&json_of(&home, &[]), "/rows");
            assert!(rows >= last, "{rows} after {last}");
            last = rows;
        }
        is_over.store(true, Ordering::Relaxed);
        writer.join().expect("each entry is stored")
    });

    assert_eq!(at(&json_of(&home, &[]), "/rows"), stored);
    assert!(number(&json_of(&home, &[]), "/space/wal_bytes") > 0.0);
}

#[test]
fn a_database_that_an_older_loglite_compressed_is_understood() {
    let home = filled(
        "",
        "CREATE TABLE column_dictionary (
            id INTEGER PRIMARY KEY AUTOINCREMENT, column TEXT NOT NULL, value_id INTEGER NOT NULL, value JSON);
         INSERT INTO column_dictionary (column, value_id, value) VALUES
            ('service', 1, 'the-first-of-two-services'), ('service', 2, 'the-second-of-two-services');
         WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000)
         INSERT INTO Log (timestamp, service) SELECT '2025-01-01T00:00:00', 1 + x % 2 FROM n;",
    );

    let report = json_of(&home, &[]);

    let service = column(&report, "service");
    assert_eq!(at(service, "/compression/state"), "compressed");
    assert_eq!(at(service, "/compression/dictionary_values"), 2);
    // 27 and 28 bytes become 1 and 2, in the table and in the index.
    assert_near(number(service, "/compression/saved_bytes"), 2.0 * 1000.0 * 25.0, 0.1);
    assert!(text_of(&home).contains("  service: compressed, saves about "));
}
