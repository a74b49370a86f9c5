//! What a line is and what becomes of it: keys that most types have.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::Node;
use super::super::{LineConfig, LineFormat, Pattern, json, mapping};
use super::field::{self, Field, Given, NONE, Read};
use super::{InputKind, expression, multiline, timestamp};

pub(super) const COLUMN: &str = "the name of a column";
pub(super) const COLUMNS: &str = "a mapping of fields to columns, such as `msg: message`";
const LINE_SIZE: RangeInclusive<u64> = 1 << 10..=64 << 20;

/// The settings before they are put together.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    /// The name of the format.
    format: &'static str,
    pattern: Option<Pattern>,
    config: LineConfig,
}

impl Lines {
    pub(super) fn new(kind: InputKind) -> Self {
        Self::of(&LineConfig { format: kind.format(), ..LineConfig::default() })
    }

    fn of(config: &LineConfig) -> Self {
        let pattern = match &config.format {
            LineFormat::Regex(pattern) => Some(pattern.clone()),
            _ => None,
        };
        Self { format: config.format.name(), pattern, config: config.clone() }
    }
}

pub(super) const KEYS: &[Field<Lines>] = &[
    Field {
        name: "format",
        expected: "`json`, `text`, `regex`, `logfmt` or `syslog`",
        default: "json",
        doc: "How fields stand in a line: `json` (an object), `text` (all of it is the message; the \
              default of `docker`), `regex` (the named groups of `pattern`), `logfmt` (`key=value \
              key=\"a value\"`) or `syslog` (RFC 5424 and RFC 3164).",
        read: Read::Scalar(|lines, text| store(&mut lines.format, format_name(text))),
        show: |lines| json!(lines.format),
    },
    Field {
        name: "pattern",
        expected: expression::WITH_NAMES,
        default: NONE,
        doc: "With `format: regex`, the regular expression: what a group `(?<name>…)` matches becomes \
              the field of its name. A line that doesn't match becomes a dead letter.",
        read: Read::Nested(|lines, node, path, report| {
            lines.pattern = expression::with_names(node, path, report);
        }),
        show: |lines| json!(lines.pattern.as_ref().map(ToString::to_string)),
    },
    Field {
        name: "message_field",
        expected: "the name of a field",
        default: "message",
        doc: "The field that gets what is nothing but text.",
        read: Read::Scalar(|lines, text| store(&mut lines.config.message_field, value::text(text))),
        show: |lines| json!(lines.config.message_field),
    },
    Field {
        name: "multiline",
        expected: multiline::EXPECTED,
        default: NONE,
        doc: "Lines that are one entry, such as a stack trace: `start` is a regular expression that the \
              first line of an entry matches, and `timeout` how long its last line waits for one that \
              goes on (`1s` unless set).",
        read: Read::Nested(|lines, node, path, report| {
            lines.config.multiline = multiline::read(node, path, report);
        }),
        show: |lines| lines.config.multiline.as_ref().map_or(Value::Null, multiline::show),
    },
    Field {
        name: "fields",
        expected: "a mapping of fields to values",
        default: "{}",
        doc: "What every entry gets that lacks it, such as `service: shop`.",
        read: Read::Nested(|lines, node, path, report| {
            let expected = "a mapping of fields to values, such as `service: shop`";
            lines.config.fields = json::object(node, path, expected, report);
        }),
        show: |lines| Value::Object(lines.config.fields.clone()),
    },
    Field {
        name: "timestamp",
        expected: timestamp::EXPECTED,
        default: NONE,
        doc: "The field that holds the time, which goes to `log_timestamp_field` in ISO 8601 and UTC: \
              its name, or a mapping of `field`, `format` and `timezone`. `format` is `iso8601` (the \
              default, which is also `rfc3339`), `rfc2822`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, or \
              conversions as of strptime: `'%d/%b/%Y:%H:%M:%S %z'`. `timezone` says what times without \
              an offset mean, of syslog messages, too: `local` (the default), `UTC` or a name such as \
              `Europe/Berlin`. What can't be read as a time stays in its field, and the log tells.",
        read: Read::Nested(|lines, node, path, report| {
            lines.config.timestamp = timestamp::read(node, path, report);
        }),
        show: |lines| lines.config.timestamp.as_ref().map_or(Value::Null, timestamp::show),
    },
    Field {
        name: "columns",
        expected: COLUMNS,
        default: "{}",
        doc: "Columns of fields that have another name: `{lvl: level}` puts the field `lvl` into the \
              column `level`.",
        read: Read::Nested(read_columns),
        show: |lines| {
            let columns = lines.config.columns.iter();
            Value::Object(columns.map(|(field, column)| (field.clone(), json!(column))).collect())
        },
    },
    Field {
        name: "origin_column",
        expected: COLUMN,
        default: NONE,
        doc: "The column that gets where within the source an entry is from: the path of a file, the \
              address of a peer, the name of a container, the topic of a message.",
        read: Read::Scalar(|lines, text| {
            store(&mut lines.config.origin_column, value::text(text).map(Some))
        }),
        show: |lines| json!(lines.config.origin_column),
    },
    Field {
        name: "max_line_size",
        expected: "a size from 1KB to 64MB",
        default: "1MB",
        doc: "The longest line or message, lines of `multiline` together. A longer one becomes a dead \
              letter, of which the beginning is kept.",
        read: Read::Scalar(|lines, text| {
            store(&mut lines.config.max_line_size, value::size(text, LINE_SIZE))
        }),
        show: |lines| json!(lines.config.max_line_size.to_string()),
    },
];

pub(super) fn read(kind: InputKind, given: &Given<'_>, report: &mut Report) -> LineConfig {
    let mut lines = Lines::new(kind);
    given.read(KEYS, &mut lines, report);
    let is_regex = lines.format == REGEX;
    if is_regex {
        given.require("pattern", expression::WITH_NAMES, report);
    } else {
        given.refuse("pattern", "only with `format: regex`", report);
    }
    let format = match lines.pattern.filter(|_| is_regex) {
        Some(pattern) => LineFormat::Regex(pattern),
        None => plain_format(lines.format).unwrap_or_else(|| kind.format()),
    };
    LineConfig { format, ..lines.config }
}

pub(super) fn show(kind: InputKind, line: &LineConfig) -> Map<String, Value> {
    field::show(KEYS, &Lines::of(line), &Lines::new(kind))
}

const REGEX: &str = "regex";

impl LineFormat {
    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Regex(_) => REGEX,
            Self::Logfmt => "logfmt",
            Self::Syslog => "syslog",
        }
    }
}

/// The formats that need nothing but their names.
const PLAIN: [LineFormat; 4] =
    [LineFormat::Json, LineFormat::Text, LineFormat::Logfmt, LineFormat::Syslog];

fn plain_format(name: &str) -> Option<LineFormat> {
    PLAIN.into_iter().find(|format| name.eq_ignore_ascii_case(format.name()))
}

fn format_name(text: &str) -> Option<&'static str> {
    let plain = plain_format(text).map(|format| format.name());
    plain.or_else(|| text.eq_ignore_ascii_case(REGEX).then_some(REGEX))
}

fn read_columns(lines: &mut Lines, node: &Node, path: &str, report: &mut Report) {
    lines.config.columns = Vec::new();
    for (key, node) in mapping::entries(node, path, COLUMNS, report).unwrap_or_default() {
        match node.scalar().and_then(value::text) {
            Some(column) => lines.config.columns.push((key.text.clone(), column)),
            None => report.mismatch(format!("{path}.{}", key.text), node, COLUMN),
        }
    }
}
