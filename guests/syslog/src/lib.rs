//! A transform that takes syslog lines apart: those of RFC 5424, and those of RFC 3164 with what is usual beside it.

mod line;
mod priority;
mod rfc3164;
mod rfc5424;

use jiff::Timestamp;
use jiff::tz::Offset;
use loglite_guest::{Entry, Failure, Transform, Verdict, export};
use serde::Deserialize;
use serde_json::{Map, Value};

use self::line::Line;

/// What `config:` holds.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field that holds the line.
    field: String,
    /// What happens to entries whose field is no syslog line.
    otherwise: Otherwise,
    /// The hours that RFC 3164's timestamps, which tell no zone, are ahead of UTC.
    utc_offset_hours: i8,
}

impl Default for Config {
    fn default() -> Self {
        Self { field: "message".to_owned(), otherwise: Otherwise::Keep, utc_offset_hours: 0 }
    }
}

/// What happens to entries whose field is no syslog line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Otherwise {
    Keep,
    Drop,
    Refuse,
}

/// Takes syslog lines apart.
#[derive(Debug)]
pub struct Syslog {
    field: String,
    otherwise: Otherwise,
    zone: Offset,
}

impl Transform for Syslog {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        let zone = Offset::from_hours(config.utc_offset_hours)
            .map_err(|err| Failure::invalid_config(format_args!("`utc_offset_hours`: {err}")))?;
        Ok(Self { field: config.field, otherwise: config.otherwise, zone })
    }

    fn apply(&mut self, entry: Entry<'_>) -> Verdict {
        self.taken_apart(entry).unwrap_or_else(|| match self.otherwise {
            Otherwise::Keep => Verdict::Keep,
            Otherwise::Drop => Verdict::Drop,
            Otherwise::Refuse => Verdict::refuse(format!("`{}` is no syslog line", self.field)),
        })
    }
}

impl Syslog {
    fn taken_apart(&self, entry: Entry<'_>) -> Option<Verdict> {
        let mut fields: Map<String, Value> = entry.parse().ok()?;
        let line = Line::parse(fields.get(&self.field)?.as_str()?, self.zone, Timestamp::now())?;
        let Ok(Value::Object(parts)) = serde_json::to_value(line) else { return None };
        fields.remove(&self.field);
        fields.extend(parts);
        Some(Verdict::replace(&fields))
    }
}

export!(transform: Syslog);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::TransformTest;
    use serde_json::json;

    use super::*;

    fn verdict(config: Value, entry: &Value) -> Verdict {
        TransformTest::<Syslog>::start(config).unwrap().apply(&entry.to_string())
    }

    #[test]
    fn the_parts_of_a_line_become_fields_beside_those_that_were_there() {
        let entry = json!({
            "source": "udp",
            "message": "<165>1 2003-08-24T05:14:15.000003-07:00 host.example app 8710 ID47 [a@1 k=\"v\"] hi",
        });
        let Verdict::Replace(text) = verdict(json!({}), &entry) else { panic!("not replaced") };
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "source": "udp",
                "facility": "local4", "severity": "notice", "level": "INFO",
                "timestamp": "2003-08-24T12:14:15.000003Z", "host": "host.example", "app": "app",
                "procid": "8710", "msgid": "ID47", "structured_data": {"a@1": {"k": "v"}},
                "message": "hi",
            })
        );
    }

    #[test]
    fn what_is_no_syslog_line_goes_the_configured_way() {
        let entry = json!({"message": "hello"});
        assert_eq!(verdict(json!({}), &entry), Verdict::Keep);
        assert_eq!(verdict(json!({"otherwise": "drop"}), &entry), Verdict::Drop);
        assert_eq!(
            verdict(json!({"otherwise": "refuse"}), &entry),
            Verdict::refuse("`message` is no syslog line")
        );
        assert_eq!(verdict(json!({"field": "line"}), &entry), Verdict::Keep);
    }
}
