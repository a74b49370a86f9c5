//! What harvesters and transforms have in common in the file: a component, and the bounds it runs in.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::problem::{Fault, Position};
use super::report::Report;
use super::value;
use super::yaml::Node;
use super::{Grants, PluginConfig, grant, json, limits};
use crate::domain::PluginKind;

/// What a plugin's name must be; it is one in logs, metrics and queries.
pub(super) const NAME: &str = "a name of at most 64 ASCII letters, digits, `-`, `_` and `.`";
pub(super) const COMPONENT: &str =
    "the path of a WebAssembly component, such as plugins/redact.wasm";
const LONGEST_NAME: usize = 64;

/// Reads the plugins of one list: their names are distinct.
pub(super) struct Plugins {
    kind: PluginKind,
    names: HashMap<String, Position>,
}

impl Plugins {
    pub(super) fn new(kind: PluginKind) -> Self {
        Self { kind, names: HashMap::new() }
    }

    /// A plugin of which nothing is read yet.
    pub(super) fn unread(&self) -> PluginConfig {
        PluginConfig {
            name: String::new(),
            component: PathBuf::new(),
            config: Value::Object(Map::new()),
            grant: Grants::default(),
            limits: self.kind.limits(),
        }
    }

    /// Reads the field `name` at `path`: `name`, `component`, `config`, `grant` or `limits`.
    pub(super) fn read(
        &mut self,
        plugin: &mut PluginConfig,
        (name, node): (&str, &Node),
        path: &str,
        report: &mut Report,
    ) {
        match name {
            "name" => plugin.name = self.read_name(node, path, report),
            "component" => {
                let file = node.scalar().and_then(value::text).map(PathBuf::from);
                if !value::store(&mut plugin.component, file) {
                    report.mismatch(path, node, COMPONENT);
                }
            }
            "config" => plugin.config = Value::Object(json::object(node, path, report)),
            "grant" => plugin.grant = grant::read(node, path, report),
            _ => plugin.limits = limits::read(node, self.kind, path, report),
        }
    }

    /// The name; an empty one if it can't be read.
    fn read_name(&mut self, node: &Node, path: &str, report: &mut Report) -> String {
        let Some(name) = node.scalar().filter(|name| is_name(name)) else {
            report.mismatch(path, node, NAME);
            return String::new();
        };
        // A source of this name would be taken for the requests of HTTP clients.
        if self.kind == PluginKind::Harvester && name.eq_ignore_ascii_case("http") {
            let expected = "another name: that of what POST /logs brings in is `http`";
            report.mismatch(path, node, expected);
        } else if let Some(first) = self.names.insert(name.into(), node.at) {
            report.add(path, Some(node.at), Fault::Taken { value: name.into(), first });
        }
        name.into()
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_name_byte)
}

/// Whether names of plugins may have it.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// A plugin's fields, without those that are empty or as the defaults have them.
pub(super) fn show(plugin: &PluginConfig, kind: PluginKind) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("name".into(), json!(plugin.name));
    fields.insert("component".into(), json!(plugin.component));
    let parts = [
        ("config", plugin.config.clone()),
        ("grant", grant::show(&plugin.grant)),
        ("limits", limits::show(&plugin.limits, kind)),
    ];
    for (name, part) in parts {
        if part.as_object().is_some_and(|part| !part.is_empty()) {
            fields.insert(name.into(), part);
        }
    }
    fields
}

/// `plugins` as shown to clients: of `config:` the keys only, as the values may be secrets.
pub(super) fn without_secrets(mut plugins: Value) -> Value {
    let items = plugins.as_array_mut().into_iter().flatten();
    let configs = items.filter_map(|plugin| plugin.get_mut("config")?.as_object_mut());
    for value in configs.flat_map(Map::values_mut) {
        *value = "…".into();
    }
    plugins
}
