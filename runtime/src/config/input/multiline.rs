//! `multiline`: which lines belong together.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::{Content, Node};
use super::super::{MultilineConfig, mapping};
use super::expression;

pub(super) const EXPECTED: &str = "a mapping with `start` and maybe `timeout`";
const START: &str = "a regular expression that the first line of an entry matches, such as `^\\S`";
const TIMEOUT: &str = "a time from 10ms to 3600s, such as 500ms, 1s or a number of milliseconds";
const TIMES: RangeInclusive<u64> = 10..=3_600_000;

/// Reads it; none without `start`.
pub(super) fn read(node: &Node, path: &str, report: &mut Report) -> Option<MultilineConfig> {
    let fields = mapping::fields(node, path, EXPECTED, &["start", "timeout"], report);
    mapping::require(&fields, &[("start", START)], (node, path), report);
    let mut start = None;
    let mut timeout = Duration::from_secs(1);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "start" => start = expression::read(node, START, &path, report),
            _ if matches!(node.content, Content::Nothing) => {}
            _ => {
                let time = node.scalar().and_then(|text| value::duration(text, TIMES));
                if !store(&mut timeout, time) {
                    report.mismatch(path, node, TIMEOUT);
                }
            }
        }
    }
    Some(MultilineConfig { start: start?, timeout })
}

pub(super) fn show(multiline: &MultilineConfig) -> Value {
    json!({
        "start": multiline.start.to_string(),
        "timeout": value::as_duration(multiline.timeout),
    })
}
