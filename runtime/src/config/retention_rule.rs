//! `retention`: rules by which rows that match a filter are deleted earlier.

use std::time::Duration;

use serde_json::{Number, Value, json};

use super::mapping;
use super::report::Report;
use super::root::Config;
use super::value::store;
use super::yaml::{Content, Node};
use crate::domain::FilterText;

pub(super) const EXPECTED: &str = "a list of rules, each a mapping with `where` and `max_days`";
const ONE: &str = "a mapping with `where` and `max_days`";
const WHERE: &str = "a filter as in GET /logs, such as `level==DEBUG&service=~=api`";
const DAYS: &str = "a number of days above 0 and at most 1000000, such as 7 or 0.5";
const MOST_DAYS: f64 = 1e6;
const DAY_MS: f64 = 86_400_000.0;

/// Deletes rows that match a filter once they have a certain age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// The filter. Whether its columns exist shows when the database is opened.
    pub filter: FilterText,
    /// The age at which matching rows are deleted, in whole milliseconds.
    pub max_age: Duration,
}

pub(super) fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let items = match &node.content {
        Content::Nothing => return,
        Content::List(items) => items,
        _ => return report.mismatch("retention", node, EXPECTED),
    };
    let rules = items.iter().enumerate();
    let rules = rules.filter_map(|(at, node)| read_one(node, &format!("retention[{at}]"), report));
    config.retention.rules = rules.collect();
}

/// None when something is wrong with it, which is reported.
fn read_one(node: &Node, path: &str, report: &mut Report) -> Option<RetentionRule> {
    let fields = mapping::fields(node, path, ONE, &["where", "max_days"], report);
    mapping::require(&fields, &[("where", WHERE), ("max_days", DAYS)], (node, path), report);
    let (mut filter, mut max_age) = (None, None);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "where" => filter = read_filter(node, &path, report),
            _ => {
                if !store(&mut max_age, node.scalar().and_then(days).map(Some)) {
                    report.mismatch(path, node, DAYS);
                }
            }
        }
    }
    Some(RetentionRule { filter: filter?, max_age: max_age? })
}

fn read_filter(node: &Node, path: &str, report: &mut Report) -> Option<FilterText> {
    let text = node.scalar().filter(|text| !text.trim().is_empty());
    match text.map(str::parse) {
        Some(Ok(filter)) => Some(filter),
        Some(Err(error)) => {
            report.mismatch_at(path, node.at, WHERE, format!("{}: {error}", node.describe()));
            None
        }
        None => {
            report.mismatch(path, node, WHERE);
            None
        }
    }
}

fn days(text: &str) -> Option<Duration> {
    let days = text.trim().parse::<f64>().ok().filter(|days| *days > 0.0 && *days <= MOST_DAYS)?;
    let age = Duration::try_from_secs_f64((days * DAY_MS).round() / 1000.0).ok()?;
    (!age.is_zero()).then_some(age)
}

pub(super) fn show(rule: &RetentionRule) -> Value {
    let days = rule.max_age.as_secs_f64() * 1000.0 / DAY_MS;
    let is_whole = days.fract() == 0.0;
    let days = if is_whole { format!("{days:.0}").parse().ok() } else { Number::from_f64(days) };
    json!({"where": rule.filter.as_str(), "max_days": days})
}
