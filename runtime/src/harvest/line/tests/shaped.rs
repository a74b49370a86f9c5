//! What is done to entries of any format.

use serde_json::{Map, Value, json};

use super::{ACCESS, Dice, entry, haul, object, pattern, texts, timestamp, with};
use crate::config::{LineConfig, LineFormat, TimestampFormat};
use crate::harvest::{FieldValue, Line, LineReader};
use crate::pipeline::HaulBuilder;

fn columns(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect()
}

#[test]
fn constants_are_added_where_they_are_missing() {
    let fields = object(r#"{"service":"web","tags":["a",1]}"#);
    let config = LineConfig { fields, ..LineConfig::default() };
    assert_eq!(
        entry(&config, r#"{"a": [1, 2]}"#),
        r#"{"a":[1, 2],"service":"web","tags":["a",1]}"#
    );
    assert_eq!(entry(&config, r#"{"service":null,"t\u0061gs":1}"#), r#"{"service":null,"tags":1}"#);
    assert_eq!(entry(&config, "{}"), r#"{"service":"web","tags":["a",1]}"#);
}

#[test]
fn more_constants_than_are_watched_for_don_t_replace_anything_either() {
    let fields = (0..100).map(|number| (format!("f{number}"), "constant".into())).collect();
    let config = LineConfig { fields, ..LineConfig::default() };
    let text = entry(&config, r#"{"f3":"own","f99":"own"}"#);
    let read = object(&text);
    assert_eq!(read.len(), 100);
    assert_eq!((read["f3"].as_str(), read["f99"].as_str()), (Some("own"), Some("own")));
    assert_eq!(read["f98"].as_str(), Some("constant"));
}

#[test]
fn each_element_of_an_array_is_treated() {
    let config = LineConfig { fields: object(r#"{"a":1}"#), ..LineConfig::default() };
    let found = haul(&config, br#"[{"b":2}, 7, {"a":3}]"#);
    assert_eq!(texts(&found), [r#"{"b":2,"a":1}"#, "7", r#"{"a":3}"#]);
}

#[test]
fn what_is_no_object_is_left_to_the_pipeline() {
    let config = LineConfig { fields: object(r#"{"a":1}"#), ..LineConfig::default() };
    for line in [r#"{"b":1"#, r#"{"b":1} x"#, "text", "1"] {
        assert_eq!(texts(&haul(&config, line.as_bytes())), [line]);
    }
}

#[test]
fn fields_go_to_columns_of_other_names() {
    let columns = columns(&[("msg", "message"), ("lvl", "level")]);
    let config =
        LineConfig { columns, fields: object(r#"{"lvl":"info"}"#), ..LineConfig::default() };
    assert_eq!(entry(&config, r#"{"msg":"x","lvl":"warn"}"#), r#"{"message":"x","level":"warn"}"#);
    assert_eq!(entry(&config, r#"{"level":"warn","x":1}"#), r#"{"level":"warn","x":1}"#);
    assert_eq!(entry(&config, r#"{"msg":"x"}"#), r#"{"message":"x","level":"info"}"#);
}

#[test]
fn the_origin_is_added_where_it_is_missing() {
    let config = LineConfig { origin_column: Some("file".into()), ..with(LineFormat::Text) };
    assert_eq!(entry(&config, "x"), r#"{"message":"x","file":"/log"}"#);
    let json = LineConfig { format: LineFormat::Json, ..config };
    assert_eq!(entry(&json, r#"{"file":"own"}"#), r#"{"file":"own"}"#);
}

#[test]
fn times_are_read_into_the_timestamp_column() {
    let format = TimestampFormat::Pattern("%d/%b/%Y:%H:%M:%S %z".into());
    let access = LineConfig { timestamp: timestamp("time", format), ..pattern(ACCESS) };
    let line = r#"::1 - - [25/Nov/2026:03:47:32 +0100] "GET /" 200 17"#;
    assert_eq!(
        entry(&access, line),
        r#"{"client":"::1","user":"-","request":"GET /","status":"200","size":"17","ts":"2026-11-25T02:47:32.000Z"}"#
    );

    let unix = timestamp("t", TimestampFormat::Unix);
    let json = LineConfig { timestamp: unix, ..LineConfig::default() };
    for (line, expected) in [
        (r#"{"t":1764042452.5,"a":1}"#, r#"{"a":1,"ts":"2025-11-25T03:47:32.500Z"}"#),
        (r#"{"ts":"x","t":"1764042452"}"#, r#"{"ts":"x","ts":"2025-11-25T03:47:32.000Z"}"#),
        (r#"{"t":1764042452.000001}"#, r#"{"ts":"2025-11-25T03:47:32.000001Z"}"#),
        (r#"{"t":"176404245\u0032"}"#, r#"{"ts":"2025-11-25T03:47:32.000Z"}"#),
    ] {
        assert_eq!(entry(&json, line), expected);
    }
}

#[test]
fn what_is_no_time_stays_where_it_was() {
    for field in ["t", "ts"] {
        let timestamp = timestamp(field, TimestampFormat::Iso8601);
        let config = LineConfig { timestamp, ..LineConfig::default() };
        for value in ["\"soon\"", "null", "[1]", "true", "{\"a\":\"2026-11-25\"}"] {
            let line = format!("{{\"{field}\":{value}}}");
            assert_eq!(entry(&config, &line), line);
        }
    }
}

#[test]
fn a_time_may_stand_in_the_timestamp_column_itself() {
    let timestamp = timestamp("ts", TimestampFormat::Iso8601);
    let config = LineConfig { timestamp, ..LineConfig::default() };
    let expected = r#"{"a":1,"ts":"2026-11-25T02:47:32.000Z"}"#;
    assert_eq!(entry(&config, r#"{"ts":"2026-11-25T03:47:32+01:00","a":1}"#), expected);
}

#[test]
fn a_constant_does_not_replace_the_time() {
    let timestamp = timestamp("t", TimestampFormat::Iso8601);
    let config =
        LineConfig { timestamp, fields: object(r#"{"ts":"never"}"#), ..LineConfig::default() };
    let expected = r#"{"ts":"2026-11-25T00:00:00.000Z"}"#;
    assert_eq!(entry(&config, r#"{"t":"2026-11-25"}"#), expected);
    assert_eq!(entry(&config, "{}"), r#"{"ts":"never"}"#);
}

#[test]
fn what_the_source_says_of_a_line_gives_way_to_the_line() {
    let config = LineConfig {
        fields: object(r#"{"stream":"constant","x":1}"#),
        timestamp: timestamp("time", TimestampFormat::Iso8601),
        ..LineConfig::default()
    };
    let reader = LineReader::new(&config, "ts");
    let defaults = [("ts", FieldValue::Text("now")), ("stream", FieldValue::Json("\"err\""))];
    let mut out = HaulBuilder::default();
    for line in [&b"{}"[..], br#"{"stream":"own"}"#, br#"{"time":"2026-11-25"}"#, b"text"] {
        reader.read_with(Line::Whole(line), "", &defaults, &mut out);
    }
    assert_eq!(
        texts(&out.take()),
        [
            r#"{"ts":"now","stream":"err","x":1}"#,
            r#"{"stream":"own","ts":"now","x":1}"#,
            r#"{"ts":"2026-11-25T00:00:00.000Z","stream":"err","x":1}"#,
            "text"
        ]
    );
}

#[test]
fn fields_without_a_line_are_treated_alike() {
    let config = LineConfig {
        columns: columns(&[("MESSAGE", "message")]),
        timestamp: timestamp("T", TimestampFormat::UnixMicros),
        origin_column: Some("unit".into()),
        ..LineConfig::default()
    };
    let mut out = HaulBuilder::default();
    let fields = [
        ("MESSAGE", FieldValue::Text("a \"b\"")),
        ("T", FieldValue::Text("1764042452000000")),
        ("PID", FieldValue::Json("7")),
    ];
    LineReader::new(&config, "ts").read_fields(&fields, "ssh", &mut out);
    let expected = r#"{"message":"a \"b\"","PID":7,"ts":"2025-11-25T03:47:32.000Z","unit":"ssh"}"#;
    assert_eq!(texts(&out.take()), [expected]);
}

/// The same as [`LineConfig`] says, the plain way: with an object of values.
fn expected(config: &LineConfig, members: &[(&str, Value)]) -> Map<String, Value> {
    let renamed = |name: &str| {
        let column = config.columns.iter().find(|(from, _)| from == name);
        column.map_or(name, |(_, to)| to).to_owned()
    };
    let mut entry = Map::new();
    let mut time = None;
    for (name, value) in members {
        if config.timestamp.as_ref().is_some_and(|time| time.field == *name)
            && let Some(seconds) = value.as_i64()
        {
            time = Some(format!("1970-01-01T00:00:0{seconds}.000Z").into());
        } else {
            entry.insert(renamed(name), value.clone());
        }
    }
    entry.extend(time.map(|time| ("ts".to_owned(), time)));
    for (name, value) in &config.fields {
        entry.entry(renamed(name)).or_insert_with(|| value.clone());
    }
    if let Some(column) = &config.origin_column {
        entry.entry(column.clone()).or_insert("/log".into());
    }
    entry
}

#[test]
fn any_entry_is_treated_as_any_configuration_says() {
    const NAMES: [&str; 6] = ["a", "b", "c", "t", "ts", "\"\n"];
    let values = [json!(1), json!("x\\"), json!(null), json!([{"a": 2}]), json!(7)];
    let mut dice = Dice(3);
    for _ in 0..5000 {
        let mut some = |most| (0..dice.roll(most)).map(|_| dice.roll(30)).collect::<Vec<_>>();
        let name = |number: &usize| NAMES[number % NAMES.len()];
        let value = |number: &usize| values[number % values.len()].clone();
        let pairs = some(3).iter().map(|n| (name(n), NAMES[(n / 7) % 6])).collect::<Vec<_>>();
        let config = LineConfig {
            columns: columns(&pairs),
            fields: some(4).iter().map(|n| (name(n).to_owned(), value(n))).collect(),
            timestamp: some(2).first().and_then(|n| timestamp(name(n), TimestampFormat::Unix)),
            origin_column: some(2).first().map(|n| name(n).to_owned()),
            ..LineConfig::default()
        };
        let members: Vec<_> = some(6).iter().map(|n| (name(n), value(n))).collect();
        let json = members.iter().map(|(name, value)| format!("{}:{value}", json!(name)));
        let line = format!("{{{}}}", json.collect::<Vec<_>>().join(", "));

        assert_eq!(
            object(&entry(&config, &line)),
            expected(&config, &members),
            "{line} {config:?}"
        );
    }
}
