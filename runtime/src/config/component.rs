//! What harvesters and transforms have in common in the file: a component, and the bounds it runs in.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::problem::{Fault, Position};
use super::report::Report;
use super::value;
use super::yaml::Node;
use super::{Grants, PluginConfig, grant, input, json, limits};
use crate::domain::PluginKind;

/// What a plugin's name must be; it is one in logs, metrics and queries.
pub(super) const NAME: &str = "a name of at most 64 ASCII letters, digits, `-`, `_` and `.`";
/// What the name of a harvester must be that is no plugin.
pub(super) const NATIVE_NAME: &str =
    "a name of at most 64 ASCII letters, digits, `-`, `_`, `.` and spaces between them";
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
            "config" => {
                let expected = "a mapping of the plugin's own keys";
                plugin.config = Value::Object(json::object(node, path, expected, report));
            }
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
        self.take_name(name, node, path, report);
        name.into()
    }

    /// The name of a harvester that is no plugin, which may have spaces, as it does in files of older versions.
    pub(super) fn read_native_name(
        &mut self,
        node: &Node,
        path: &str,
        report: &mut Report,
    ) -> String {
        let Some(name) = node.scalar().filter(|name| is_native_name(name)) else {
            report.mismatch(path, node, NATIVE_NAME);
            return String::new();
        };
        self.take_name(name, node, path, report);
        name.into()
    }

    /// Reports that the name at `node` is another's, if it is.
    pub(super) fn take_name(&mut self, name: &str, node: &Node, path: &str, report: &mut Report) {
        // A source of this name would be taken for the requests of HTTP clients.
        if self.kind == PluginKind::Harvester && name.eq_ignore_ascii_case("http") {
            let expected = "another name: that of what POST /logs brings in is `http`";
            report.mismatch(path, node, expected);
        } else if let Some(first) = self.names.insert(name.into(), node.at) {
            report.add(path, Some(node.at), Fault::Taken { value: name.into(), first });
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_native_name(text: &str) -> bool {
    text.trim() == text && is_name(&text.replace(' ', "_"))
}

/// Whether names of plugins may have it.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether names of sources may have it.
pub(super) fn is_source_byte(byte: u8) -> bool {
    byte == b' ' || is_name_byte(byte)
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

/// Harvesters or transforms as shown to clients: of a plugin's `config:` the keys only, as the values may be secrets.
pub(super) fn without_secrets(mut plugins: Value) -> Value {
    let items = plugins.as_array_mut().into_iter().flatten();
    for item in items.filter_map(Value::as_object_mut) {
        // Transforms have no type.
        let is_plugin = item.get("type").is_none_or(|kind| kind == "wasm");
        let Some(config) = item.get_mut("config").and_then(Value::as_object_mut) else { continue };
        if is_plugin {
            config.values_mut().for_each(|value| *value = "…".into());
        } else {
            input::hide_secrets(config);
        }
    }
    plugins
}
