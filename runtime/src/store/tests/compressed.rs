//! Filters on a compressed column find what they find on a plain one, however its cells are stored.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use crate::config::{DatabaseConfig, JsonColumns};
use crate::domain::{Filter, Schema, parse_filters};
use crate::store::contains::add_contains;
use crate::store::dictionary::{
    Lost, add_functions, create, owned, read_states, to_cell, to_dictionary,
};
use crate::store::introspect::read_schema;
use crate::store::matching::{Matching, filter_sql};
use crate::store::select::{Sql, Walk};
use crate::store::{RowEncoder, RowFormat, StoreError};

/// How the cells of a column hold its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Ids,
    IdsAndValues,
    /// Being compressed or decompressed: some integers are escaped, others not.
    Escaped,
    /// As after years with the Python generation: values with two ids, ids with two values, an id of NULL.
    Duplicates,
}

const WAYS: [Stored; 4] = [Stored::Ids, Stored::IdsAndValues, Stored::Escaped, Stored::Duplicates];

fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "INFO",
        "info",
        "Größe",
        "GRÖSSE",
        "größe",
        "日本",
        "007",
        "7",
        " 7 ",
        "7.0",
        "1e3",
        "10.0.0.1",
        "0x10",
        "1_000",
        "e5",
        ".",
        "+5",
        "-5",
        "100%",
        "a_b",
        "a\\b",
        "true",
        "null",
        "inf",
        "NaN",
        r#"{"a":1}"#,
        "[1,2]",
        "a\u{0}b",
        "zzz",
        "\u{10ffff}",
        "9223372036854775808",
        "1e400",
    ]
    .map(str::to_owned)
    .into();
    texts.push("long ".repeat(2000));
    texts.extend((0..70).map(|number| format!("svc-{number:02}")));
    texts
}

/// With NULL, and with some values twice.
fn values() -> Vec<Value> {
    let integers = [0, 1, 7, -5, 500, i64::MAX, i64::MIN].map(Value::Integer);
    let reals = [0.5, 1.0, 1000.0, 1e300, -0.25, 9e18, f64::INFINITY].map(Value::Real);
    let again = ["INFO", "007", "svc-01"].map(|text| Value::Text(text.into()));
    let texts = texts().into_iter().map(Value::Text);
    let mut values: Vec<_> = texts.chain(integers).chain(reals).chain(again).collect();
    values.extend([Value::Null, Value::Null]);
    values
}

fn conditions() -> Vec<String> {
    let mut literals = texts();
    literals.retain(|text| !text.starts_with("svc") && text.len() < 100);
    literals.extend(
        [
            "svc-03", "svc-", "svc-6", "S", "00", "0", "-5", "0.5", "1000", "1", "500", "1e300",
            "9e18", "x", "50",
        ]
        .map(str::to_owned),
    );
    literals.push("long ".repeat(20));
    let operators = ["=", "!=", ">=", "<=", ">", "<", "~="];
    let escaped = |text: &String| text.replace('\\', "\\\\").replace(',', "\\,");
    let with = |literal: String| operators.map(|operator| format!("{operator}{literal}"));
    let comparisons = literals.iter().map(escaped).flat_map(with);
    comparisons.chain(["is null".into(), "is not null".into()]).collect()
}

fn table(kind: &str, values: &[Value]) -> Connection {
    let connection = Connection::open_in_memory().expect("memory");
    add_contains(&connection).and_then(|()| add_functions(&connection)).expect("functions");
    let sql = format!("CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, v {kind})");
    connection.execute_batch(&sql).expect("a table");
    let mut insert =
        connection.prepare("INSERT INTO Log (timestamp, v) VALUES (1, ?1)").expect("sql");
    for value in values {
        insert.execute([value]).expect("inserted");
    }
    drop(insert);
    connection
}

fn schema_of(connection: &Connection) -> Schema {
    read_schema(connection, &DatabaseConfig::default()).expect("a log table")
}

fn id_of(connection: &Connection, value: &Value) -> i64 {
    let value = to_dictionary(value.into());
    let sql =
        "SELECT value_id FROM column_dictionary WHERE value IS ?1 AND typeof(value) = typeof(?1)";
    let known = connection.query_row(sql, [&value], |row| row.get(0));
    known.unwrap_or_else(|_| {
        let sql = "INSERT INTO column_dictionary (column, value_id, value)
            VALUES ('v', (SELECT coalesce(max(value_id), 0) + 1 FROM column_dictionary), ?1) RETURNING value_id";
        connection.query_row(sql, [&value], |row| row.get(0)).expect("inserted")
    })
}

/// The values in a compressed column.
fn compressed(kind: &str, values: &[Value], stored: Stored) -> Connection {
    let connection = table(kind, &[]);
    create(&connection).expect("tables");
    let cells: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(at, value)| match (stored, value) {
            (Stored::Duplicates, Value::Null) if at % 2 == 0 => {
                Value::Integer(id_of(&connection, value))
            }
            (_, Value::Null) => Value::Null,
            (Stored::IdsAndValues, value) if at % 2 == 0 => to_cell(value.into()),
            (Stored::Escaped, Value::Integer(_) | Value::Real(_)) if at % 2 == 0 => {
                owned(value.into())
            }
            (Stored::Escaped, value) => to_cell(value.into()),
            (_, value) => Value::Integer(id_of(&connection, value)),
        })
        .collect();
    let (ids, others) = match stored {
        Stored::Ids => (true, false),
        Stored::IdsAndValues => (true, true),
        Stored::Escaped => (false, true),
        Stored::Duplicates => (true, false),
    };
    if stored == Stored::Duplicates {
        // Each value once more, with an id of its own, which every third row has; and each id once more.
        connection
            .execute_batch(
                "INSERT INTO column_dictionary (column, value_id, value)
                    SELECT column, value_id + 1000, value FROM column_dictionary;
                 INSERT INTO column_dictionary (column, value_id, value)
                    SELECT column, value_id, 'INFO' FROM column_dictionary;",
            )
            .expect("duplicates");
    }
    connection
        .execute("INSERT INTO loglite_compression (column, holds_ids, holds_values, next_value_id) VALUES ('v', ?1, ?2, 5000)", [ids, others])
        .expect("a state");
    let mut insert =
        connection.prepare("INSERT INTO Log (timestamp, v) VALUES (1, ?1)").expect("sql");
    for (at, cell) in cells.iter().enumerate() {
        let cell = match cell {
            Value::Integer(id) if stored == Stored::Duplicates && at % 3 == 0 => {
                Value::Integer(id + 1000)
            }
            other => other.clone(),
        };
        insert.execute([cell]).expect("inserted");
    }
    drop(insert);
    connection
}

fn found(connection: &Connection, filters: &[Filter], walk: Walk) -> Vec<i64> {
    let schema = schema_of(connection);
    let states = read_states(connection, &schema).expect("states");
    let matching = Matching::resolve((connection, &schema), &states, filters, Lost::Found);
    let mut sql = Sql::default();
    sql.push("SELECT id FROM Log");
    sql.conditions(&schema, &matching.expect("resolved"), walk, &[]);
    sql.push(" ORDER BY id");
    select(connection, &sql.text, &sql.values)
}

fn found_by_others(connection: &Connection, filters: &[Filter]) -> Vec<i64> {
    let sql = filter_sql(connection, &schema_of(connection), filters).expect("resolved");
    let text = format!("SELECT id FROM Log WHERE {} ORDER BY id", sql.text);
    select(connection, &text, &sql.values)
}

fn select(connection: &Connection, sql: &str, values: &[Value]) -> Vec<i64> {
    let mut statement = connection.prepare(sql).expect(sql);
    let rows = statement.query_map(params_from_iter(values), |row| row.get(0)).expect(sql);
    rows.collect::<Result<_, _>>().expect(sql)
}

/// Texts that a plain column has changed: `007` is 7 there, and does not contain `00`.
fn changed_by_plain(plain: &Connection, values: &[Value]) -> Vec<i64> {
    let ids = (1..).zip(values).filter(|(id, value)| {
        let sql = "SELECT v FROM Log WHERE id = ?1";
        let kept: Value = plain.query_row(sql, [id], |row| row.get(0)).expect("a row");
        matches!(value, Value::Text(_)) && kept != **value
    });
    ids.map(|(id, _)| id).collect()
}

#[test]
fn filters_find_what_they_find_on_a_plain_column() {
    let values = values();
    for index in ["", "CREATE INDEX i ON Log (v)"] {
        let plain = table("INTEGER", &values);
        plain.execute_batch(index).expect("an index");
        let changed = changed_by_plain(&plain, &values);
        for stored in WAYS {
            let compressed = compressed("INTEGER", &values, stored);
            compressed.execute_batch(index).expect("an index");
            let schema = schema_of(&compressed);
            for condition in conditions() {
                let column = schema.find("v").expect("a column");
                let filters = crate::domain::parse_conditions(&schema, column, &condition);
                let filters = filters.expect("a condition");
                let comparable = |mut ids: Vec<i64>| {
                    let compares_text = condition.starts_with("~=");
                    ids.retain(|id| !compares_text || !changed.contains(id));
                    ids
                };
                let expected = comparable(found(&plain, &filters, Walk::Planner));
                let what = format!("{condition:.40} on {stored:?} {index}");
                for walk in [Walk::Planner, Walk::InOrder, Walk::RowIds] {
                    assert_eq!(
                        comparable(found(&compressed, &filters, walk)),
                        expected,
                        "{what} {walk:?}"
                    );
                }
                assert_eq!(comparable(found_by_others(&compressed, &filters)), expected, "{what}");
            }
        }
    }
}

#[test]
fn contains_looks_at_texts_as_they_were_sent() {
    let values = ["007", "7", "1e3"].map(|text| Value::Text(text.into()));
    for stored in WAYS {
        let connection = compressed("INTEGER", &values, stored);
        let filters = |text| parse_filters(&schema_of(&connection), text).expect("filters");
        assert_eq!(found(&connection, &filters("v=~=00"), Walk::Planner), [1], "{stored:?}");
        assert_eq!(found(&connection, &filters("v=~=E"), Walk::Planner), [3], "{stored:?}");
    }
}

fn rows(connection: &Connection) -> Result<Vec<serde_json::Value>, StoreError> {
    let schema = schema_of(connection);
    let fields = [schema.find("v").expect("a column")];
    let encoder = RowEncoder::new(&schema, &fields, RowFormat::JsonItems, JsonColumns::Json);
    let states = read_states(connection, &schema)?;
    let mut writer = encoder.writer((connection, &schema), &states);
    let mut statement = connection.prepare("SELECT v, timestamp, id FROM Log ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        let mut out = Vec::new();
        writer.write(row, true, &mut out)?;
        let object: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        values.push(object.get("v").expect("the field").clone());
    }
    Ok(values)
}

#[test]
fn values_come_back_as_they_were_sent() {
    let values = values();
    let expected: Vec<_> = values
        .iter()
        .map(|value| match ValueRef::from(value) {
            // As in a plain column.
            ValueRef::Real(1.0) => 1.into(),
            ValueRef::Real(1000.0) => 1000.into(),
            ValueRef::Real(9e18) => 9_000_000_000_000_000_000_i64.into(),
            ValueRef::Real(real) => serde_json::Value::from(real),
            ValueRef::Integer(integer) => integer.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
            ValueRef::Null | ValueRef::Blob(_) => serde_json::Value::Null,
        })
        .collect();
    for stored in WAYS {
        let found = rows(&compressed("INTEGER", &values, stored)).expect("decoded");
        assert_eq!(found, expected, "{stored:?}");
    }
}

#[test]
fn values_of_a_json_column_are_json() {
    let values = [r#"{"a": [1]}"#, "plain", "5"].map(|text| Value::Text(text.into()));
    for stored in WAYS {
        let found = rows(&compressed("JSON", &values, stored)).expect("decoded");
        assert_eq!(found, [serde_json::json!({"a": [1]}), "plain".into(), 5.into()], "{stored:?}");
    }
}

#[test]
fn a_lost_value_names_its_column_id_and_row() {
    let values = ["kept", "lost"].map(|text| Value::Text(text.into()));
    let connection = compressed("INTEGER", &values, Stored::Ids);
    connection
        .execute_batch("DELETE FROM column_dictionary WHERE value = 'lost'")
        .expect("deleted");

    let error = rows(&connection).expect_err("lost").to_string();
    assert!(error.starts_with("the value of `v` in row 2 is lost"), "{error}");
    assert!(error.contains("for its id 2; restore the rows of"), "{error}");
    let schema = schema_of(&connection);
    for (text, reading, deleting) in [("v==kept", vec![1], vec![1]), ("v=!=x", vec![1, 2], vec![1])]
    {
        let filters = parse_filters(&schema, text).expect("filters");
        assert_eq!(found(&connection, &filters, Walk::Planner), reading, "{text}");
        assert_eq!(found_by_others(&connection, &filters), deleting, "{text}");
    }
}
