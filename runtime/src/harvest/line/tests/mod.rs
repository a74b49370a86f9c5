//! Tests of what becomes of bytes.

mod assembled;
mod formats;
mod shaped;
mod syslogs;

use regex::Regex;

use crate::config::{LineConfig, LineFormat, Pattern, TimestampConfig, TimestampFormat};
use crate::harvest::{Line, LineReader};
use crate::pipeline::{Haul, HaulBuilder};

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % sides
    }
}

/// An access log's line.
const ACCESS: &str = r#"^(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<size>\d+)?"#;

fn with(format: LineFormat) -> LineConfig {
    LineConfig { format, ..LineConfig::default() }
}

fn pattern(text: &str) -> LineConfig {
    with(LineFormat::Regex(Pattern(Regex::new(text).expect("it is an expression"))))
}

fn timestamp(field: &str, format: TimestampFormat) -> Option<TimestampConfig> {
    Some(TimestampConfig { field: field.into(), format, timezone: "UTC".into() })
}

fn object(text: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(text).expect("it is an object")
}

/// What becomes of a line from the file `/log`, where the table's timestamp column is `ts`.
fn haul(config: &LineConfig, line: &[u8]) -> Haul {
    let mut out = HaulBuilder::default();
    LineReader::new(config, "ts").read(Line::Whole(line), "/log", &mut out);
    out.take()
}

fn texts(haul: &Haul) -> Vec<&str> {
    haul.entries.iter().map(AsRef::as_ref).collect()
}

/// The entry that a line is.
fn entry(config: &LineConfig, line: &str) -> String {
    let haul = haul(config, line.as_bytes());
    assert_eq!((haul.entries.len(), &haul.misfits[..]), (1, &[][..]), "{line}");
    let [text] = texts(&haul)[..] else { panic!("{haul:?}") };
    serde_json::from_str::<serde_json::Value>(text).expect("it is JSON");
    text.to_owned()
}

/// Why a line is no entry.
fn reason(config: &LineConfig, line: &str) -> String {
    let haul = haul(config, line.as_bytes());
    let [misfit] = &haul.misfits[..] else { panic!("{:?}", texts(&haul)) };
    assert_eq!(misfit.text, line);
    assert!(haul.entries.is_empty());
    misfit.reason.clone()
}
