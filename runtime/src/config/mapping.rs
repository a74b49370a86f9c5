//! Reads mappings: unknown and repeated keys are reported, the rest is handed on.

use std::collections::HashMap;

use super::key::nearest;
use super::problem::Fault;
use super::report::Report;
use super::yaml::{Content, Node, NodeKey};

/// The entries of the mapping at `node` under the keys of `known`, in file order.
///
/// `path` is the path of keys to the mapping, empty for the whole file. Of a repeated key the last entry counts.
pub(super) fn fields<'n>(
    node: &'n Node,
    path: &str,
    expected: &str,
    known: &[&'static str],
    report: &mut Report,
) -> Vec<(&'static str, &'n Node)> {
    let entries = entries(node, path, expected, report).unwrap_or_default();
    let mut fields = Vec::new();
    for (key, node) in entries {
        match known.iter().find(|name| **name == key.text) {
            Some(name) => fields.push((*name, node)),
            None => {
                report.add(
                    join(path, &key.text),
                    Some(key.at),
                    unknown_key(&key.text, path, known),
                );
            }
        }
    }
    fields
}

/// The entries of the mapping at `node`, in file order; empty when the value is left out.
pub(super) fn entries<'n>(
    node: &'n Node,
    path: &str,
    expected: &str,
    report: &mut Report,
) -> Option<Vec<(&'n NodeKey, &'n Node)>> {
    let entries = match &node.content {
        Content::Mapping(entries) => entries,
        Content::Nothing if !path.is_empty() => return None,
        _ => {
            report.mismatch(path, node, expected);
            return None;
        }
    };
    let mut seen = HashMap::new();
    for (key, _) in entries {
        if let Some(first) = seen.insert(&key.text, key.at) {
            report.add(join(path, &key.text), Some(key.at), Fault::DuplicateKey { first });
        }
    }
    Some(entries.iter().map(|(key, node)| (key, node)).collect())
}

/// Reports which of `required`, each with what it should be, are missing in `fields` of the mapping at `place`.
pub(super) fn require(
    fields: &[(&'static str, &Node)],
    required: &[(&'static str, &str)],
    (node, path): (&Node, &str),
    report: &mut Report,
) {
    // What is no mapping was reported as such.
    if !matches!(node.content, Content::Mapping(_)) {
        return;
    }
    for (name, expected) in required {
        if !fields.iter().any(|(field, _)| field == name) {
            let fault = Fault::Missing { expected: (*expected).into() };
            report.add(join(path, name), Some(node.at), fault);
        }
    }
}

fn unknown_key(key: &str, path: &str, known: &[&'static str]) -> Fault {
    let distance = key.chars().count() / 3 + 1;
    let nearest = nearest(key, known.iter().copied(), distance).map(str::to_owned);
    // The file's own keys are too many for a message.
    let known = if path.is_empty() { Vec::new() } else { known.to_vec() };
    Fault::UnknownKey { nearest, known }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}
