//! From a record of the journal, as `journalctl -o json` writes it, to an entry's fields.

use serde_json::{Map, Value};

use crate::domain::Checkpoint;
use crate::harvest::{FieldValue, LineReader};
use crate::pipeline::HaulBuilder;

const CURSOR: &str = "__CURSOR";
const TIME: &str = "__REALTIME_TIMESTAMP";
const PRIORITY: &str = "PRIORITY";
/// The journal's names that have others in an entry. All others lose their leading underscores.
const NAMES: [(&str, &str); 2] = [("SYSLOG_IDENTIFIER", "identifier"), ("_SYSTEMD_UNIT", "unit")];
/// The levels of syslog, of which PRIORITY is the number.
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
/// What the journal needs for itself.
const INTERNAL: [&str; 4] = [CURSOR, TIME, "__MONOTONIC_TIMESTAMP", "__SEQNUM"];

/// Adds the entry that a record is, or a misfit, and gives the position behind it, if it names one.
pub(super) fn read_record(
    record: &[u8],
    reader: &LineReader,
    out: &mut HaulBuilder,
) -> Option<Checkpoint> {
    let fields: Map<String, Value> = match serde_json::from_slice(record) {
        Ok(fields) => fields,
        Err(error) => {
            let text = String::from_utf8_lossy(record).into_owned();
            out.misfit(format!("no record of the journal: {error}"), text);
            return None;
        }
    };
    let cursor = fields.get(CURSOR).and_then(Value::as_str);
    let checkpoint = cursor.map(|cursor| Checkpoint(cursor.into()));
    let unit = fields.get("_SYSTEMD_UNIT").and_then(Value::as_str).unwrap_or_default().to_owned();
    let fields: Vec<(String, Value)> = entry_fields(fields).collect();
    // Strings are the rule, and are handed on as they are.
    let texts: Vec<Option<String>> = fields.iter().map(|(_, value)| json_of(value)).collect();
    let fields: Vec<(&str, FieldValue<'_>)> = fields
        .iter()
        .zip(&texts)
        .filter_map(|((name, value), json)| {
            let value = match json {
                Some(json) => FieldValue::Json(json),
                None => FieldValue::Text(value.as_str()?),
            };
            Some((name.as_str(), value))
        })
        .collect();
    reader.read_fields(&fields, &unit, out);
    checkpoint
}

fn json_of(value: &Value) -> Option<String> {
    (!value.is_string()).then(|| value.to_string())
}

fn entry_fields(fields: Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let time = fields.get(TIME).and_then(time);
    let severity = fields.get(PRIORITY).and_then(severity);
    let own = [("timestamp", time), ("severity", severity)];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let others = fields.into_iter().filter(|(name, value)| {
        !INTERNAL.contains(&name.as_str()) && !name.starts_with("__SEQNUM") && !value.is_null()
    });
    own.chain(others.map(|(name, value)| (renamed(&name), text_of(value))))
}

fn renamed(name: &str) -> String {
    let known = NAMES.iter().find(|(journal, _)| *journal == name);
    known
        .map_or_else(|| name.trim_start_matches('_').to_lowercase(), |(_, ours)| (*ours).to_owned())
}

/// Texts that are no UTF-8 come as arrays of their bytes, and a field that a record has several times as an array.
fn text_of(value: Value) -> Value {
    let Value::Array(items) = &value else { return value };
    let bytes: Option<Vec<u8>> =
        items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect();
    match bytes {
        Some(bytes) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).into_owned().into(),
        _ => value,
    }
}

/// Microseconds since 1970, in a string, as ISO 8601.
fn time(value: &Value) -> Option<Value> {
    let micros: i64 = value.as_str()?.parse().ok()?;
    let time = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(format!("{time:.6}").into())
}

fn severity(value: &Value) -> Option<Value> {
    let number: usize = value.as_str()?.parse().ok()?;
    SEVERITIES.get(number).map(|name| (*name).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(record: &Value) -> Map<String, Value> {
        let record = record.as_object().expect("an object").clone();
        entry_fields(record).collect()
    }

    #[test]
    fn a_record_gets_the_names_of_an_entry() {
        let record = serde_json::json!({
            "__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": "1764043652123456", "__MONOTONIC_TIMESTAMP": "1",
            "__SEQNUM": "7", "__SEQNUM_ID": "x", "_BOOT_ID": "b", "PRIORITY": "4", "_SYSTEMD_UNIT": "app.service",
            "SYSLOG_IDENTIFIER": "app", "_HOSTNAME": "host", "_PID": "42", "MESSAGE": "hello", "CODE_FILE": null,
        });
        let expected = serde_json::json!({
            "timestamp": "2025-11-25T04:07:32.123456Z", "severity": "warning", "boot_id": "b", "priority": "4",
            "unit": "app.service", "identifier": "app", "hostname": "host", "pid": "42", "message": "hello",
        });
        assert_eq!(Value::from(fields(&record)), expected);
    }

    #[test]
    fn bytes_become_text_and_several_values_stay_several() {
        let record = serde_json::json!({"MESSAGE": [104, 105, 255], "TAG": ["a", "b"], "N": []});
        let expected = serde_json::json!({"message": "hi\u{fffd}", "tag": ["a", "b"], "n": []});
        assert_eq!(Value::from(fields(&record)), expected);
    }
}
