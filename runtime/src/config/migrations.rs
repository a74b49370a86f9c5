//! `migrations`: the schema's history.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::key::{Key, Reader};
use super::mapping;
use super::problem::{Fault, Position};
use super::report::Report;
use super::root::Config;
use super::value;
use super::yaml::{Content, Node};

const EXPECTED: &str = "a list with at least one migration, each a mapping with `version`, `rollout` \
                        and `rollback`";
const VERSION: &str = "a whole number of at least 1";
const ROLLOUT: &str = "a list with at least one SQL text";

/// One step of the schema's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The version: unique and positive.
    pub version: i64,
    /// SQL that applies the step; an item may hold several statements. Never empty.
    pub rollout: Vec<String>,
    /// SQL that takes the step back.
    pub rollback: Vec<String>,
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "migrations",
    expected: EXPECTED,
    doc: "The schema's history, required: how the log table came to be what it is. A step has a \
          `version` (unique, at least 1), `rollout` (SQL that applies it) and `rollback` (SQL that \
          takes it back). Steps are applied by rising version, each in one transaction.",
    read: Reader::Nested(read),
    show: |config| config.migrations.iter().map(show).collect(),
}];

fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let steps = match &node.content {
        Content::List(steps) if !steps.is_empty() => steps,
        _ => return report.mismatch("migrations", node, EXPECTED),
    };
    let mut seen = HashMap::new();
    for (index, node) in steps.iter().enumerate() {
        let path = format!("migrations[{index}]");
        let (migration, version_at) = read_one(node, &path, report);
        // A version that could not be read stays 0 and was reported already.
        if migration.version > 0 {
            check_unique(&mut seen, (migration.version, version_at), &path, report);
        }
        config.migrations.push(migration);
    }
    config.migrations.sort_by_key(|migration| migration.version);
}

fn check_unique(
    seen: &mut HashMap<i64, Position>,
    (version, at): (i64, Position),
    path: &str,
    report: &mut Report,
) {
    if let Some(first) = seen.insert(version, at) {
        report.add(format!("{path}.version"), Some(at), Fault::SameVersion { version, first });
    }
}

fn read_one(node: &Node, path: &str, report: &mut Report) -> (Migration, Position) {
    let mut migration = Migration { version: 0, rollout: Vec::new(), rollback: Vec::new() };
    let mut version_at = node.at;
    let known = ["version", "rollout", "rollback"];
    let expected = "a mapping with `version`, `rollout` and `rollback`";
    let fields = mapping::fields(node, path, expected, &known, report);
    mapping::require(&fields, &[("version", VERSION), ("rollout", ROLLOUT)], (node, path), report);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "version" => {
                version_at = node.at;
                let version =
                    node.scalar().and_then(|text| value::whole(text, 1..=i64::MAX as u64));
                if !value::store(&mut migration.version, version) {
                    report.mismatch(path, node, VERSION);
                }
            }
            "rollout" if node.is_empty() => report.mismatch(path, node, ROLLOUT),
            "rollout" => migration.rollout = value::texts(node, &path, report),
            _ => migration.rollback = value::texts(node, &path, report),
        }
    }
    (migration, version_at)
}

fn show(migration: &Migration) -> Value {
    json!({
        "version": migration.version,
        "rollout": migration.rollout,
        "rollback": migration.rollback,
    })
}
