//! Which columns can be compressed, and the migration for one that can't.

use rusqlite::types::Value as SqlValue;

use super::compression::{all, cells, compression, database, open, text, try_adopt};
use crate::config::Config;
use crate::domain::{RowBatchBuilder, Value};
use crate::store::Delivery;

/// What keeps this column of this table from being compressed.
fn refusal(sql: &str, column: &str) -> Option<String> {
    let outcome = try_adopt(&database(sql), &compression(&[column], 65_536));
    outcome.err().map(|error| {
        assert!(error.is_configuration(), "{error}");
        error.to_string()
    })
}

fn table(columns: &str) -> String {
    format!("CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, service, {columns});")
}

#[test]
fn columns_that_can_hold_ids_are_taken() {
    for columns in [
        "level INTEGER",
        "level JSON",
        "level BOOLEAN",
        "level DATETIME",
        "level BLOB",
        "level",
        "level INTEGER NOT NULL DEFAULT 'INFO' UNIQUE",
        "level INTEGER CHECK (level <> '')",
        "level INTEGER CHECK (length(level) < 100 AND level IS NOT NULL)",
        "level INTEGER CHECK (service IN ('a', 'b'))",
        "level INTEGER CHECK (service IS 'a')",
        "level INTEGER CHECK (level = 'INFO' OR service IS NOT NULL)",
        "level INTEGER, CHECK (service IS NOT NULL AND level > 0)",
    ] {
        assert_eq!(refusal(&table(columns), "level"), None, "{columns}");
    }
    let strict = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level ANY) STRICT";
    assert_eq!(refusal(strict, "level"), None);
}

#[test]
fn columns_that_cannot_hold_ids_are_refused_for_what_they_are() {
    for (columns, column, reason) in [
        ("level INTEGER", "lvl", "it has: id, timestamp, service, level"),
        ("level INTEGER", "timestamp", "the timestamp column"),
        ("level INTEGER", "ID", "the row id"),
        ("level AS (1)", "level", "a generated column"),
        ("level TEXT", "level", "is declared TEXT"),
        ("level TEXT", "level", "more than 18 digits may lose the last ones"),
        ("level VARCHAR(10)", "level", "is declared VARCHAR(10)"),
        ("level REAL", "level", "is declared REAL"),
        ("level INTEGER CHECK (level IN ('A', 'B;)'))", "level", "CHECK (level IN ('A', 'B;)'))"),
        ("level INTEGER CHECK (\"level\" IN ('A'))", "level", "CHECK (\"level\" IN ('A'))"),
        ("level INTEGER CHECK (level IS NOT NULL AND Log.level = 'A')", "level", "Log.level = 'A'"),
        ("level INTEGER CHECK (level BETWEEN 0 AND 7)", "level", "BETWEEN 0 AND 7"),
        (
            "level INTEGER, CHECK (typeof(level) = 'text')",
            "level",
            "CHECK (typeof(level) = 'text')",
        ),
    ] {
        let error = refusal(&table(columns), column).unwrap_or_else(|| panic!("{columns}"));
        assert!(error.contains(reason), "{columns}: {error}");
    }
    let key = "CREATE TABLE Log (timestamp TEXT, level INTEGER, PRIMARY KEY (level, timestamp))";
    assert!(refusal(key, "level").is_some_and(|error| error.contains("primary key")));
    let strict = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level INTEGER) STRICT";
    assert!(refusal(strict, "level").is_some_and(|error| error.contains("declared INTEGER")));
    let foreign = "PRAGMA foreign_keys = ON; CREATE TABLE Log (timestamp, level REFERENCES Levels)";
    assert!(refusal(foreign, "level").is_some_and(|error| error.contains("a foreign key")));
}

#[test]
fn the_migration_that_mends_a_column_works() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT,
            level TEXT NOT NULL DEFAULT 'INFO' CHECK (level IN ('INFO', 'ERROR')), message TEXT);
        CREATE INDEX other ON Log (message);
        CREATE INDEX by_level ON Log (level, timestamp);
        CREATE INDEX errors ON Log (timestamp) WHERE level = 'ERROR'; -- all: of them
        INSERT INTO Log (level, message) VALUES ('ERROR', 'a'), ('INFO', 'b');";
    let connection = database(sql);
    let error = try_adopt(&connection, &compression(&["level"], 9)).expect_err("text").to_string();
    let (_, migration) = error.split_once("such as this one:\n").expect("a migration");
    let config = format!("migrations:\n{migration}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), config).expect("written");
    let config =
        Config::load(Some(file.path()), []).unwrap_or_else(|errors| panic!("{errors}\n{error}"));

    for statement in &config.migrations[0].rollout {
        connection.execute_batch(statement).expect(statement);
    }

    let mut committer = open(connection, compression(&["level"], 9));
    let mut builder = RowBatchBuilder::default();
    [Value::Null, Value::Null, Value::Missing].into_iter().for_each(|value| builder.push(value));
    builder.finish_row(0);
    super::write(&mut committer, &Delivery::from(builder.build()));
    let columns = "SELECT name || type || \"notnull\" FROM pragma_table_info('Log') ORDER BY cid";
    assert_eq!(
        all(&committer.connection, columns),
        ["idINTEGER0", "timestampTEXT0", "messageTEXT0", "levelINTEGER1"].map(text)
    );
    let indexes =
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'Log' ORDER BY name";
    assert_eq!(all(&committer.connection, indexes), ["by_level", "errors", "other"].map(text));
    assert_eq!(cells(&committer), [text("ERROR"), text("INFO"), SqlValue::Integer(1)]);
}
