//! Databases and configurations of the older generations: opened as they are and continued.

use loglite_e2e::{Home, config};
use serde_json::{Value, json};

/// What the C++ generation (1.4) leaves in a database: its bookkeeping, its statistics, and the user's table.
const WRITTEN_BY_1_4: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE versions (
        version    INTEGER PRIMARY KEY,
        applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
    );
CREATE TABLE column_dictionary (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        column   TEXT    NOT NULL,
        value_id INTEGER NOT NULL,
        value    JSON
    );
CREATE TABLE activity_stats (
        id                  INTEGER PRIMARY KEY,
        since               DATETIME NOT NULL,
        until               DATETIME NOT NULL,
        query_count         INTEGER,
        ingest_count        INTEGER
    );
CREATE TABLE database_stats (
        id           INTEGER PRIMARY KEY,
        timestamp    DATETIME,
        rows_count   INTEGER,
        db_size      INTEGER
    );
CREATE TABLE Log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp DATETIME NOT NULL,
    message TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
    line INTEGER, ratio REAL, b BOOLEAN,
    extra JSON
);
INSERT INTO versions VALUES (1, '2025-02-03 04:05:06');
INSERT INTO database_stats VALUES (1, '2025-02-03T04:05:06', 3, 4096);
INSERT INTO Log VALUES (1, '2025-01-01T00:00:00', 'first', 'INFO', 1, 0.5, 1, '{\"a\": 1}');
INSERT INTO Log VALUES (2, '2025-01-02T00:00:00', 'second', 'ERROR', NULL, NULL, 0, '[1, 2]');
INSERT INTO Log VALUES (7, '2025-01-03T00:00:00', 'deleted later', 'INFO', NULL, NULL, NULL, NULL);
DELETE FROM Log WHERE id = 7;
";

/// The configuration that goes with it.
const CONFIG_OF_1_4: &str = "
host: 127.0.0.1
port: 0
log_table_name: Log
auto_rollout: true
sqlite_dir: ./db
sqlite_params:
  journal_mode: WAL
migrations:
  - version: 1
    rollout:
      - |
        CREATE TABLE Log (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            timestamp DATETIME NOT NULL,
            message TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
            line INTEGER, ratio REAL, b BOOLEAN,
            extra JSON
        );
    rollback:
      - DROP TABLE Log;
";

fn home_of_1_4() -> Home {
    let home = Home::new(CONFIG_OF_1_4);
    home.database().execute_batch(WRITTEN_BY_1_4).expect("a database of 1.4");
    home
}

fn entry(message: &str) -> Value {
    json!({"timestamp": "2025-06-01T00:00:00", "message": message, "level": "INFO"})
}

#[test]
fn a_database_of_1_4_is_opened_with_its_configuration_and_continued() {
    let home = home_of_1_4();
    let server = home.start();
    server.store(&entry("third"));

    let answer = server.get("/logs?order=asc");

    assert_eq!(answer.column("message"), ["first", "second", "third"]);
    assert_eq!(answer.column("id"), [1, 2, 8], "AUTOINCREMENT has given out 7 before");
    assert_eq!(answer.column("extra"), [json!({"a": 1}), json!([1, 2]), Value::Null]);
    assert_eq!(
        server.rows("/logs?fields=id&timestamp=>=2025-01-02,<2025-01-03"),
        json!([{"id": 2}])
    );
}

#[test]
fn what_the_older_generation_keeps_in_the_database_stays_as_it_is() {
    let home = home_of_1_4();
    let server = home.start();
    server.store(&entry("third"));
    assert_eq!(server.stop().code, Some(0));

    let database = home.database();
    let text =
        |sql: &str| -> String { database.query_row(sql, [], |row| row.get(0)).expect("a text") };

    assert_eq!(text("SELECT applied_at FROM versions WHERE version = 1"), "2025-02-03 04:05:06");
    assert_eq!(text("SELECT timestamp FROM database_stats"), "2025-02-03T04:05:06");
    assert_eq!(text("SELECT seq || '' FROM sqlite_sequence WHERE name = 'Log'"), "8");
    let added =
        "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'table'
                 AND name LIKE 'loglite%' ORDER BY name)";
    let own = "loglite_activity_stats,loglite_checkpoints,loglite_database_stats,\
               loglite_dead_letters,loglite_migrations,loglite_state";
    assert_eq!(text(added), own, "our own tables carry our name");
    // The older generation writes as before.
    database
        .execute("INSERT INTO Log (timestamp, message, level) VALUES ('x', 'from 1.4', 'INFO')", [])
        .expect("a row");
    assert_eq!(database.last_insert_rowid(), 9);
}

#[test]
fn rows_that_the_older_generation_adds_between_two_runs_push_ids_on() {
    let home = home_of_1_4();
    let server = home.start();
    server.store(&entry("ours"));
    assert_eq!(server.stop().code, Some(0));
    let sql = "INSERT INTO Log (timestamp, message, level) VALUES ('2025-06-02', 'theirs', 'INFO')";
    home.database().execute_batch(sql).expect("a row");

    let server = home.start();
    server.store(&json!({"timestamp": "2025-06-03", "message": "ours again", "level": "INFO"}));

    let answer = server.get("/logs?order=asc&offset=2");
    assert_eq!(answer.column("id"), [8, 9, 10]);
    assert_eq!(answer.column("message"), ["ours", "theirs", "ours again"]);
}

#[test]
fn the_status_of_a_database_of_1_4_shows_its_migration_as_applied() {
    let home = home_of_1_4();
    let exit = home.run(&["migrate", "status", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    let line = exit.stdout.lines().find(|line| line.starts_with('1')).unwrap_or_default();
    assert!(line.contains("applied") && line.contains("2025-02-03 04:05:06"), "{exit:#?}");
    assert!(line.ends_with("unknown"), "its text was not recorded: {exit:#?}");
}

#[test]
fn a_pending_migration_of_a_database_of_1_4_is_applied() {
    let home = home_of_1_4();
    let second = "  - version: 2
    rollout: [ALTER TABLE Log ADD COLUMN host TEXT]
    rollback: [ALTER TABLE Log DROP COLUMN host]\n";
    home.write_config(&(CONFIG_OF_1_4.to_owned() + second));

    let server = home.start();

    let mut with_host = entry("third");
    with_host.as_object_mut().expect("an object").insert("host".into(), "h".into());
    server.store(&with_host);
    assert_eq!(
        server.get("/logs?order=asc").column("host"),
        [Value::Null, Value::Null, json!("h")]
    );
}

#[test]
fn the_sample_configuration_of_the_python_generation_runs_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/python-loglite.yaml");
    let config = std::fs::read_to_string(path).expect("the sample is there");
    let home = Home::new(&config);
    let rollout = home.run(&["migrate", "rollout", "-c", "config.yaml"]);
    assert_eq!(rollout.code, Some(0), "{rollout:#?}");

    let server =
        home.launch(&["server", "run", "-c", "config.yaml"]).env("LOGLITE_PORT", "0").serve();

    server.store(&json!({
        "timestamp": "2025-04-01T12:00:00.123", "message": "Hello", "level": "INFO", "service": "a", "line": 3,
        "extra": {"request_id": "r"}
    }));
    let row = server.rows("/logs?fields=id,message,line,extra&service==a");
    assert_eq!(
        row,
        json!([{"id": 1, "message": "Hello", "line": 3, "extra": {"request_id": "r"}}])
    );
}

#[test]
fn ids_go_on_after_a_restart_although_the_table_was_emptied() {
    for key in ["INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"] {
        let table = format!("CREATE TABLE Log (id {key}, timestamp TEXT, message TEXT)");
        let home = Home::new(&config::with_table(&table, ""));
        let server = home.start();
        server.store(&json!([{"message": "a"}, {"message": "b"}, {"message": "c"}]));
        assert_eq!(server.stop().code, Some(0));
        home.database().execute("DELETE FROM Log", []).expect("a delete");

        let server = home.start();
        server.store(&json!({"message": "d"}));

        assert_eq!(server.get("/logs").column("id"), [4], "{key}");
    }
}

#[test]
fn ids_go_on_although_the_table_is_emptied_under_a_running_service() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!([{"message": "a"}, {"message": "b"}]));
    home.database().execute("DELETE FROM Log", []).expect("a delete");

    server.store(&json!({"message": "c"}));
    home.database()
        .execute("INSERT INTO Log (id, message) VALUES (50, 'foreign')", [])
        .expect("a row");
    server.store(&json!({"message": "d"}));

    assert_eq!(server.get("/logs?order=asc&id=>0").column("id"), [3, 50, 51]);
}
