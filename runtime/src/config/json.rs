//! A plugin's own `config:`, and the `fields` of a harvester's entries, as JSON. loglite doesn't know these keys, so here,
//! unlike elsewhere, YAML decides what a value is: `1` is a number and `"1"` a text.

use serde_json::{Map, Value};

use super::mapping;
use super::report::Report;
use super::yaml::{Content, Node};

/// The value at `node`. What JSON can't say is reported.
pub(super) fn from_yaml(node: &Node, path: &str, report: &mut Report) -> Value {
    match &node.content {
        Content::Nothing => Value::Null,
        Content::Scalar { json: Some(value), .. } => value.clone(),
        Content::Scalar { json: None, .. } => {
            let expected = "a finite number, as JSON has no others; write a text in quotes";
            report.mismatch(path, node, expected);
            Value::Null
        }
        Content::List(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| from_yaml(item, &format!("{path}[{index}]"), report))
                .collect()
        }
        Content::Mapping(_) => Value::Object(object(node, path, "a mapping", report)),
    }
}

/// The mapping at `node`, of what is `expected`; empty when there is no value.
pub(super) fn object(
    node: &Node,
    path: &str,
    expected: &str,
    report: &mut Report,
) -> Map<String, Value> {
    let entries = mapping::entries(node, path, expected, report);
    let mut object = Map::new();
    for (key, node) in entries.unwrap_or_default() {
        let value = from_yaml(node, &format!("{path}.{}", key.text), report);
        object.insert(key.text.clone(), value);
    }
    object
}
