//! A harvester that is no plugin: its type, its name, and whether it is started again.

use serde_json::{Map, Value, json};

use super::super::component::Plugins;
use super::super::harvesters::{FIELDS, ONE};
use super::super::problem::Position;
use super::super::report::Report;
use super::super::value::store;
use super::super::yaml::Node;
use super::super::{InputConfig, LineConfig, NativeHarvesterConfig, Restart, mapping};
use super::InputKind;
use super::kind::{Named, named};

const OWN_FIELDS: [&str; 4] = ["type", "name", "config", "restart"];

/// The type of a harvester that is no plugin; none if there is no such type, which is reported.
pub(in crate::config) fn read_type(
    node: &Node,
    harvester: &str,
    stdin: &mut Option<Position>,
    report: &mut Report,
) -> Option<InputKind> {
    let path = format!("{harvester}.type");
    let kind = match named(node.scalar().unwrap_or_default()) {
        Named::Native(kind) => kind,
        Named::Unknown(expected) => {
            report.mismatch(path, node, &expected);
            return None;
        }
        Named::Wasm => return None,
    };
    if kind == InputKind::Stdin
        && let Some(first) = stdin.replace(node.at)
    {
        let line = first.line;
        let expected =
            format!("another type, as the harvester in line {line} reads standard input");
        report.mismatch(path, node, &expected);
    }
    Some(kind)
}

/// Reads the harvester at `path`. Of an unknown type only what all have is looked at, as transforms may name it.
pub(in crate::config) fn read(
    node: &Node,
    (kind, path): (Option<InputKind>, &str),
    plugins: &mut Plugins,
    report: &mut Report,
) -> NativeHarvesterConfig {
    let known = if kind.is_some() { &OWN_FIELDS[..] } else { &FIELDS[..] };
    let fields = mapping::fields(node, path, ONE, known, report);
    let find = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, node)| *node);
    let mut restart = kind.map(InputKind::restart).unwrap_or_default();
    if let Some(node) = find("restart") {
        read_restart(&mut restart, node, &format!("{path}.restart"), report);
    }
    let name_path = format!("{path}.name");
    let name = match (find("name"), find("type").and_then(Node::scalar)) {
        (Some(node), _) => plugins.read_native_name(node, &name_path, report),
        // As in older versions.
        (None, Some(kind)) => {
            plugins.take_name(kind, node, &name_path, report);
            kind.to_owned()
        }
        (None, None) => String::new(),
    };
    let (input, line) = match kind {
        Some(kind) => {
            super::read(kind, find("config"), (node.at, format!("{path}.config")), report)
        }
        None => (InputConfig::Stdin, LineConfig::default()),
    };
    NativeHarvesterConfig { name, input, line, restart }
}

/// The word at `node`.
pub(in crate::config) fn read_restart(
    restart: &mut Restart,
    node: &Node,
    path: &str,
    report: &mut Report,
) {
    if !store(restart, node.scalar().and_then(Restart::from_name)) {
        report.mismatch(path, node, "`always`, `on_failure` or `never`");
    }
}

/// Its fields, without those that are as the defaults have them.
pub(in crate::config) fn show(native: &NativeHarvesterConfig) -> Map<String, Value> {
    let mut fields = Map::from_iter([("name".into(), json!(native.name))]);
    let config = super::show(native);
    if !config.is_empty() {
        fields.insert("config".into(), Value::Object(config));
    }
    fields
}
