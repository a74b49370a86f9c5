//! What the writer puts into compressed columns, and what becomes of them at the start.

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use super::super::committer::Committer;
use super::super::dictionary::adopt;
use super::super::introspect::read_schema;
use super::super::{Delivery, StoreError, migrate};
use crate::config::{CompressionConfig, Config, DatabaseConfig};
use crate::domain::{RowBatch, RowBatchBuilder, Value};
use crate::metrics::Metrics;

/// A table whose `level` can be compressed.
const TABLE: &str = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level INTEGER);";

pub(super) fn compression(columns: &[&str], max_values: u64) -> CompressionConfig {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    CompressionConfig { enabled: true, columns, max_values }
}

pub(super) fn database(sql: &str) -> Connection {
    let mut connection = Connection::open_in_memory().expect("memory");
    migrate::ensure_bookkeeping(&mut connection).expect("made");
    connection.execute_batch(sql).expect("a table");
    connection
}

pub(super) fn try_adopt(
    connection: &Connection,
    config: &CompressionConfig,
) -> Result<(), StoreError> {
    let schema = read_schema(connection, &DatabaseConfig::default()).expect("a log table");
    adopt(connection, &schema, config)
}

pub(super) fn open(connection: Connection, config: CompressionConfig) -> Committer {
    let schema = read_schema(&connection, &DatabaseConfig::default()).expect("a log table");
    adopt(&connection, &schema, &config).expect("adopted");
    let config = Config { compression: config, ..Config::default() };
    Committer::open(connection, &schema, &config, &Metrics::default()).expect("opened")
}

/// Rows of [`TABLE`] with these levels.
fn rows(levels: &[Value<'_>]) -> RowBatch {
    let mut builder = RowBatchBuilder::default();
    for (index, level) in levels.iter().enumerate() {
        builder.push(Value::Null);
        builder.push(*level);
        builder.finish_row(index);
    }
    builder.build()
}

fn write(committer: &mut Committer, levels: &[Value<'_>]) -> usize {
    super::write(committer, &Delivery::from(rows(levels))).stored
}

pub(super) fn all(connection: &Connection, sql: &str) -> Vec<SqlValue> {
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("values")
}

pub(super) fn cells(committer: &Committer) -> Vec<SqlValue> {
    all(&committer.connection, "SELECT level FROM Log ORDER BY id")
}

fn entries(committer: &Committer) -> Vec<SqlValue> {
    all(&committer.connection, "SELECT value FROM column_dictionary ORDER BY value_id")
}

fn number(committer: &Committer, sql: &str) -> i64 {
    committer.connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

fn ids(ids: &[i64]) -> Vec<SqlValue> {
    ids.iter().map(|id| SqlValue::Integer(*id)).collect()
}

pub(super) fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.into())
}

fn escaped(text: &str) -> SqlValue {
    SqlValue::Blob([b"\0LGL", text.as_bytes()].concat())
}

#[test]
fn rows_hold_ids_and_the_dictionary_each_value_once() {
    let mut committer = open(database(TABLE), compression(&["level"], 100));
    let levels = ["INFO", "ERROR", "INFO", "", "ERROR"].map(Value::Text);

    assert_eq!(write(&mut committer, &levels), 5);

    assert_eq!(cells(&committer), ids(&[1, 2, 1, 3, 2]));
    assert_eq!(entries(&committer), [text("INFO"), text("ERROR"), text("")]);
    assert_eq!(number(&committer, "SELECT next_value_id FROM loglite_compression"), 4);
    assert_eq!(number(&committer, "SELECT value_count FROM loglite_compression"), 3);
}

#[test]
fn values_of_different_types_have_ids_of_their_own() {
    let mut committer = open(database(TABLE), compression(&["level"], 100));
    let levels = [
        Value::Integer(1),
        Value::Text("1"),
        Value::Null,
        Value::Real(0.5),
        Value::Missing,
        Value::Text("1.0"),
        Value::Integer(1),
        // A numeric column makes 1 of it.
        Value::Real(1.0),
    ];

    write(&mut committer, &levels);
    write(&mut committer, &levels);

    let mut expected: Vec<_> = ids(&[1, 2, 0, 3, 0, 4, 1, 1]);
    expected[2] = SqlValue::Null;
    expected[4] = SqlValue::Null;
    assert_eq!(cells(&committer), [expected.clone(), expected].concat());
    let stored = [SqlValue::Integer(1), escaped("t1"), SqlValue::Real(0.5), escaped("t1.0")];
    assert_eq!(entries(&committer), stored);
}

#[test]
fn a_dictionary_takes_no_more_than_its_most_values_and_further_ones_stand_for_themselves() {
    let mut committer = open(database(TABLE), compression(&["level"], 2));
    let long = "x".repeat(5000);
    let levels = ["a", "b", "c", "7", "a", &long].map(Value::Text);
    let holds_values = "SELECT holds_values FROM loglite_compression";
    write(&mut committer, &[Value::Text(&long)]);
    assert_eq!((number(&committer, holds_values), entries(&committer)), (1, vec![]));

    write(&mut committer, &levels);
    write(&mut committer, &[Value::Integer(7), Value::Text("b")]);

    let id = SqlValue::Integer;
    let expected = [
        text(&long),
        id(1),
        id(2),
        text("c"),
        escaped("t7"),
        id(1),
        text(&long),
        escaped("i7"),
        id(2),
    ];
    assert_eq!(cells(&committer), expected);
}

#[test]
fn a_default_is_a_value_too() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level INTEGER NOT NULL DEFAULT 'INFO');";
    let mut committer = open(database(sql), compression(&["level"], 100));

    write(&mut committer, &[Value::Text("ERROR"), Value::Missing, Value::Text("INFO")]);

    assert_eq!(cells(&committer), ids(&[1, 2, 2]));
    assert_eq!(entries(&committer), [text("ERROR"), text("INFO")]);
}

#[test]
fn a_default_that_computes_null_is_null() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT,
        level INTEGER DEFAULT (nullif(1, 1)));";
    let mut committer = open(database(sql), compression(&["level"], 100));

    write(&mut committer, &[Value::Missing, Value::Text("a"), Value::Missing]);

    assert_eq!(cells(&committer), [SqlValue::Null, SqlValue::Integer(1), SqlValue::Null]);
    assert_eq!(entries(&committer), [text("a")]);
}

#[test]
fn what_a_failed_transaction_has_added_is_added_again() {
    let sql = "CREATE TABLE Services (name PRIMARY KEY); INSERT INTO Services VALUES ('known');
        CREATE TABLE Log (id INTEGER PRIMARY KEY,
            timestamp TEXT REFERENCES Services (name) DEFERRABLE INITIALLY DEFERRED, level INTEGER);
        PRAGMA foreign_keys = ON;";
    let mut committer = open(database(sql), compression(&["level"], 100));
    let mut builder = RowBatchBuilder::default();
    for (index, (timestamp, level)) in
        [("known", "a"), ("unknown", "b"), ("known", "c")].into_iter().enumerate()
    {
        builder.push(Value::Text(timestamp));
        builder.push(Value::Text(level));
        builder.finish_row(index);
    }
    let delivery = Delivery::from(builder.build());
    committer.write(&[&delivery], Vec::new()).expect_err("a foreign key");
    assert_eq!(entries(&committer), []);

    let receipt = committer.write_apart(&delivery).expect("written");

    assert_eq!((receipt.stored, receipt.refused.len()), (2, 1));
    let sql = "SELECT value FROM Log JOIN column_dictionary ON value_id = level ORDER BY Log.id";
    assert_eq!(all(&committer.connection, sql), [text("a"), text("c")]);
}

#[test]
fn values_under_a_savepoint_that_is_undone_stay() {
    let sql = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level INTEGER UNIQUE ON CONFLICT ROLLBACK);
        CREATE TRIGGER t BEFORE INSERT ON Log WHEN new.level = 2 BEGIN SELECT RAISE(FAIL, 'no'); END;";
    let mut committer = open(database(sql), compression(&["level"], 100));

    let levels = ["a", "refused", "a", "refused", "b"].map(Value::Text);
    assert_eq!(write(&mut committer, &levels), 2);

    let sql =
        "SELECT value FROM Log LEFT JOIN column_dictionary ON value_id = level ORDER BY Log.id";
    assert_eq!(all(&committer.connection, sql), [text("a"), text("b")]);
}

#[test]
fn a_dictionary_of_an_older_loglite_is_continued_by_what_its_ids_mean() {
    let connection = database(TABLE);
    connection
        .execute_batch(
            "INSERT INTO Log (level) VALUES (1), (2), (3);
             INSERT INTO column_dictionary (column, value_id, value) VALUES ('level', 1, 'a'), ('level', 1, 'b'),
                ('level', 2, 'c'), ('level', 3, 'c'), ('level', 7, NULL), ('other', 99, 'x');",
        )
        .expect("an old database");
    let mut committer = open(connection, compression(&["LEVEL"], 100));

    write(&mut committer, &["a", "b", "c", "d"].map(Value::Text));

    // Id 1 means `a`, so `b` gets one of its own.
    assert_eq!(cells(&committer), ids(&[1, 2, 3, 1, 8, 2, 9]));
    assert_eq!(number(&committer, "SELECT holds_values FROM loglite_compression"), 0);
}

#[test]
fn text_that_was_there_before_stands_for_itself() {
    let connection = database(TABLE);
    connection.execute_batch("INSERT INTO Log (level) VALUES ('INFO'), (NULL)").expect("rows");
    let committer = open(connection, compression(&["level"], 100));
    let sql = "SELECT holds_ids * 10 + holds_values FROM loglite_compression";
    assert_eq!(number(&committer, sql), 11);
}

#[test]
fn numbers_without_a_dictionary_are_refused_with_the_way_out() {
    for number in ["3", "0.5"] {
        let connection = database(TABLE);
        let sql = format!("INSERT INTO Log (level) VALUES ({number})");
        connection.execute_batch(&sql).expect("a row");
        let error = try_adopt(&connection, &compression(&["level"], 9)).expect_err(number);
        assert!(error.is_configuration());
        let error = error.to_string();
        assert!(error.contains("loglite compress -c … --column level"), "{error}");
    }
}

#[test]
fn ids_go_on_behind_those_that_were_lost() {
    let mut committer = open(database(TABLE), compression(&["level"], 100));
    write(&mut committer, &["a", "b"].map(Value::Text));
    let Committer { connection, .. } = committer;
    connection.execute_batch("DELETE FROM column_dictionary").expect("emptied");
    let mut committer = open(connection, compression(&["level"], 100));

    write(&mut committer, &["b", "c"].map(Value::Text));

    assert_eq!(cells(&committer), ids(&[1, 2, 3, 4]));
}

#[test]
fn columns_that_are_not_listed_any_more_get_values_that_are_no_ids() {
    let mut committer = open(database(TABLE), compression(&["level"], 100));
    write(&mut committer, &[Value::Text("a")]);
    let Committer { connection, .. } = committer;
    let mut committer = open(connection, CompressionConfig::default());

    write(&mut committer, &[Value::Text("a"), Value::Integer(1)]);

    assert_eq!(cells(&committer), [SqlValue::Integer(1), text("a"), escaped("i1")]);
    assert_eq!(number(&committer, "SELECT holds_values FROM loglite_compression"), 1);
}

#[test]
fn a_listed_column_that_is_being_compressed_gets_no_more_plain_numbers() {
    let connection = database(TABLE);
    connection.execute_batch("INSERT INTO Log (level) VALUES (3)").expect("a row");
    let mut committer = open(connection, CompressionConfig::default());
    write(&mut committer, &[Value::Integer(4)]);
    let Committer { connection, .. } = committer;
    super::super::dictionary::create(&connection).expect("tables");
    connection
        .execute_batch("INSERT INTO loglite_compression VALUES ('level', 0, 1, 1, 0, 0)")
        .expect("a state");
    let mut committer = open(connection, compression(&["level"], 100));

    write(&mut committer, &[Value::Integer(5)]);

    assert_eq!(cells(&committer), [SqlValue::Integer(3), SqlValue::Integer(4), escaped("i5")]);
}

#[test]
fn what_another_process_changes_is_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("logs.db");
    let ours = Connection::open(&path).expect("opened");
    ours.execute_batch("PRAGMA journal_mode = WAL").expect("WAL");
    let mut connection = ours;
    migrate::ensure_bookkeeping(&mut connection).expect("made");
    connection.execute_batch(TABLE).expect("a table");
    let mut committer = open(connection, compression(&["level"], 100));
    write(&mut committer, &[Value::Text("a")]);
    let other = Connection::open(&path).expect("opened");
    other
        .execute_batch(
            "DELETE FROM column_dictionary; UPDATE loglite_compression SET next_value_id = 50;",
        )
        .expect("another has compressed it anew");

    write(&mut committer, &[Value::Text("a")]);
    other
        .execute_batch("UPDATE loglite_compression SET holds_ids = 0, holds_values = 1")
        .expect("it is decompressed");
    write(&mut committer, &[Value::Text("a"), Value::Integer(1)]);

    assert_eq!(
        cells(&committer),
        [SqlValue::Integer(1), SqlValue::Integer(50), text("a"), escaped("i1")]
    );
}

#[test]
fn the_state_of_an_adopted_column_counts_its_entries_at_once() {
    let connection = database(TABLE);
    connection
        .execute_batch(
            "INSERT INTO column_dictionary (column, value_id, value) VALUES ('level', 1, 'a'), ('level', 7, 'bc');
             CREATE TABLE first (next, count, bytes);",
        )
        .expect("an old database");
    super::super::dictionary::create(&connection).expect("tables");
    connection
        .execute_batch(
            "CREATE TRIGGER t AFTER INSERT ON loglite_compression BEGIN
                INSERT INTO first VALUES (new.next_value_id, new.value_count, new.value_bytes); END;",
        )
        .expect("a trigger");

    let committer = open(connection, compression(&["level"], 100));

    let first =
        all(&committer.connection, "SELECT next || ' ' || count || ' ' || bytes FROM first");
    assert_eq!(first, [text("8 2 3")]);
}

#[test]
fn filters_look_at_values_of_a_column_that_was_dropped_and_added_again() {
    let mut committer = open(database(TABLE), compression(&["level"], 100));
    write(&mut committer, &[Value::Text("a")]);
    let Committer { connection, .. } = committer;
    let again =
        "ALTER TABLE Log DROP COLUMN level; ALTER TABLE Log ADD COLUMN level INTEGER DEFAULT 'x'";
    connection.execute_batch(again).expect("a migration");

    let mut committer = open(connection, compression(&["level"], 100));
    write(&mut committer, &[Value::Missing]);

    assert_eq!(cells(&committer), [text("x"), SqlValue::Integer(2)]);
    let flags = "SELECT holds_ids * 10 + holds_values FROM loglite_compression";
    assert_eq!(number(&committer, flags), 11);
}
