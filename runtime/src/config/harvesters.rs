//! `harvesters`: sources that loglite reads by itself.

use serde_json::{Value, json};

use super::key::{Key, Reader};
use super::mapping;
use super::report::Report;
use super::root::Config;
use super::value;
use super::yaml::{Content, Node};

const EXPECTED: &str = "a list of harvesters, each a mapping with `type`, `name` and `config`";

/// A source that loglite reads by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct HarvesterConfig {
    /// What kind of source it is.
    pub kind: String,
    /// What it is called in logs and metrics.
    pub name: String,
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "harvesters",
    expected: EXPECTED,
    doc: "Sources that loglite reads by itself. Not in this version: anything but an empty list is \
          refused.",
    read: Reader::Nested(read),
    show: |config| show(&config.harvesters),
}];

fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let harvesters = match &node.content {
        Content::Nothing => return,
        Content::List(items) => items,
        _ => return report.mismatch("harvesters", node, EXPECTED),
    };
    for (index, node) in harvesters.iter().enumerate() {
        let path = format!("harvesters[{index}]");
        config.harvesters.push(read_one(node, &path, report));
    }
}

fn read_one(node: &Node, path: &str, report: &mut Report) -> HarvesterConfig {
    let mut harvester = HarvesterConfig { kind: String::new(), name: String::new() };
    let expected = "a mapping with `type`, `name` and `config`";
    for (name, node) in mapping::fields(node, path, expected, &["type", "name", "config"], report) {
        let field = match name {
            "type" => &mut harvester.kind,
            "name" => &mut harvester.name,
            _ => continue,
        };
        if !value::store(field, node.scalar().and_then(value::text)) {
            report.mismatch(format!("{path}.{name}"), node, "a text");
        }
    }
    harvester
}

fn show(harvesters: &[HarvesterConfig]) -> Value {
    harvesters.iter().map(|one| json!({"type": one.kind, "name": one.name})).collect()
}
