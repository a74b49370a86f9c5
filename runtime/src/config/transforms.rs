//! `transforms`: plugins between sources and the table.

use serde_json::{Value, json};

use super::component::{self, COMPONENT, NAME, Plugins, is_source_byte};
use super::harvesters::HarvesterConfig;
use super::report::Report;
use super::root::Config;
use super::value::{self, store};
use super::yaml::{Content, Node};
use super::{OnFailure, TransformConfig, mapping};
use crate::domain::{PluginKind, SourceName};

pub(super) const EXPECTED: &str =
    "a list of transforms, each a mapping with `name` and `component`";
const ONE: &str = "a mapping with `name` and `component`";
const FIELDS: [&str; 7] =
    ["name", "component", "config", "grant", "limits", "sources", "on_failure"];
const ON_FAILURE: &str = "`dead_letter`, `drop`, `pass` or `block`";
/// The source of what POST /logs brings in.
const HTTP: &str = "http";

/// Reads the list. The harvesters must have been read: `sources` names them.
pub(super) fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let items = match &node.content {
        Content::Nothing => return,
        Content::List(items) => items,
        _ => return report.mismatch("transforms", node, EXPECTED),
    };
    let mut plugins = Plugins::new(PluginKind::Transform);
    let harvesters: Vec<_> = config.harvesters.iter().map(HarvesterConfig::name).collect();
    let mut transforms = Vec::new();
    for (index, node) in items.iter().enumerate() {
        let path = format!("transforms[{index}]");
        transforms.push(read_one(node, &path, (&mut plugins, &harvesters), report));
    }
    config.transforms = transforms;
}

pub(super) fn show(transform: &TransformConfig) -> Value {
    let mut fields = component::show(&transform.plugin, PluginKind::Transform);
    fields.insert("sources".into(), json!(transform.sources));
    fields.insert("on_failure".into(), json!(transform.on_failure.name()));
    Value::Object(fields)
}

fn read_one(
    node: &Node,
    path: &str,
    (plugins, harvesters): (&mut Plugins, &[&str]),
    report: &mut Report,
) -> TransformConfig {
    let mut transform = TransformConfig {
        plugin: plugins.unread(),
        sources: vec!["*".into()],
        on_failure: OnFailure::default(),
    };
    let fields = mapping::fields(node, path, ONE, &FIELDS, report);
    let required = [("name", NAME), ("component", COMPONENT)];
    mapping::require(&fields, &required, (node, path), report);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "sources" => read_sources(&mut transform, node, &path, (harvesters, report)),
            "on_failure" => {
                let word = node.scalar().and_then(OnFailure::from_name);
                if !store(&mut transform.on_failure, word) {
                    report.mismatch(path, node, ON_FAILURE);
                }
            }
            _ => plugins.read(&mut transform.plugin, (name, node), &path, report),
        }
    }
    transform
}

fn read_sources(
    transform: &mut TransformConfig,
    node: &Node,
    path: &str,
    (harvesters, report): (&[&str], &mut Report),
) {
    match &node.content {
        Content::Nothing => {}
        Content::List(items) if items.is_empty() => {
            report.mismatch(path, node, "a list with at least one source; `*` is all of them");
        }
        _ => {
            transform.sources =
                value::each(node, path, report, |pattern| source(pattern, harvesters));
        }
    }
}

/// A pattern that matches a source of this configuration, or what is expected instead.
fn source(pattern: &str, harvesters: &[&str]) -> Result<String, String> {
    let is_pattern =
        !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*' || is_source_byte(byte));
    // A harvester whose name can't be read, which is reported there, might be the one.
    let is_unsure = harvesters.contains(&"");
    let mut sources = harvesters.iter().copied().chain([HTTP]);
    if is_pattern && (is_unsure || sources.any(|name| SourceName::from(name).matches(pattern))) {
        return Ok(pattern.into());
    }
    let mut known = vec![format!("`{HTTP}`")];
    known.extend(harvesters.iter().filter(|name| !name.is_empty()).map(|name| format!("`{name}`")));
    Err(format!(
        "a source or a pattern that matches one, such as `*`; there are: {}",
        known.join(", ")
    ))
}
