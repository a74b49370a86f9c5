//! `harvesters`: sources that loglite reads by itself.

use serde_json::{Value, json};

use super::component::{self, COMPONENT, NAME, Plugins};
use super::key::{Key, Reader};
use super::mapping;
use super::problem::Fault;
use super::report::Report;
use super::root::Config;
use super::value::store;
use super::yaml::{Content, Node};
use super::{Restart, WasmHarvesterConfig};
use crate::domain::PluginKind;

const EXPECTED: &str = "a list of harvesters, each a mapping with `type`, `name` and `component`";
const ONE: &str = "a mapping with `type`, `name` and `component`";
const TYPE: &str = "`wasm`, a WebAssembly component";
const FIELDS: [&str; 7] = ["type", "name", "component", "config", "grant", "limits", "restart"];

/// A source that loglite reads by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum HarvesterConfig {
    /// `type: wasm`: a plugin.
    Wasm(WasmHarvesterConfig),
}

impl HarvesterConfig {
    /// What it is called in logs and metrics: the source of its entries.
    #[must_use]
    pub fn name(&self) -> &str {
        let Self::Wasm(harvester) = self;
        &harvester.plugin.name
    }

    /// Its `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        let Self::Wasm(_) = self;
        "wasm"
    }
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "harvesters",
    expected: EXPECTED,
    doc: "Sources that loglite reads by itself, as a list. One of `type: wasm` is a WebAssembly \
          component that brings entries in: `name`, `component` (its file), `config` (its own \
          settings), `grant` (what it may reach), `limits` (what it may use) and `restart` (once it \
          has ended: always, on_failure or never). See \"Plugins in the configuration\" in the README.",
    read: Reader::Nested(read),
    show: |config| config.harvesters.iter().map(show).collect(),
}];

fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let items = match &node.content {
        Content::Nothing => return,
        Content::List(items) => items,
        _ => return report.mismatch("harvesters", node, EXPECTED),
    };
    let mut plugins = Plugins::new(PluginKind::Harvester);
    let items = items.iter().enumerate();
    config.harvesters = items
        .map(|(index, node)| read_one(node, &format!("harvesters[{index}]"), &mut plugins, report))
        .map(HarvesterConfig::Wasm)
        .collect();
}

fn read_one(
    node: &Node,
    path: &str,
    plugins: &mut Plugins,
    report: &mut Report,
) -> WasmHarvesterConfig {
    let mut harvester =
        WasmHarvesterConfig { plugin: plugins.unread(), restart: Restart::default() };
    let fields = mapping::fields(node, path, ONE, &FIELDS, report);
    let kind = fields.iter().find(|(name, _)| *name == "type").map(|(_, node)| *node);
    let is_wasm = kind.is_none_or(|node| read_type(node, &format!("{path}.type"), report));
    // Of another type only the name is looked at, as transforms may name it.
    let required = [("type", TYPE), ("name", NAME), ("component", COMPONENT)];
    let required = required.get(..if is_wasm { 3 } else { 2 }).unwrap_or_default();
    mapping::require(&fields, required, (node, path), report);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "type" => {}
            "restart" => {
                let word = node.scalar().and_then(Restart::from_name);
                if !store(&mut harvester.restart, word) {
                    report.mismatch(path, node, "`always`, `on_failure` or `never`");
                }
            }
            _ if is_wasm || name == "name" => {
                plugins.read(&mut harvester.plugin, (name, node), &path, report);
            }
            _ => {}
        }
    }
    harvester
}

/// Whether it is a component; reports what else it is.
fn read_type(node: &Node, path: &str, report: &mut Report) -> bool {
    match node.scalar() {
        Some("wasm") => return true,
        Some(text) => match older_type(text) {
            Some(what) => {
                let way_out = "remove the harvester and send its entries to POST /logs, write it as \
                               a plugin (`type: wasm`), or keep using the older loglite for it";
                report.add(path, Some(node.at), Fault::Unsupported { what, way_out });
            }
            None => report.mismatch(path, node, TYPE),
        },
        None => report.mismatch(path, node, TYPE),
    }
    false
}

/// What the harvesters of the older generations read, by their class (`loglite.harvesters.FileHarvester`) or its
/// short name.
fn older_type(text: &str) -> Option<&'static str> {
    let class = text.rsplit('.').next().unwrap_or(text).to_ascii_lowercase();
    match class.strip_suffix("harvester").unwrap_or(&class) {
        "file" => Some("reading files by itself"),
        "zmq" | "zeromq" => Some("receiving from ZeroMQ"),
        "socket" | "tcp" | "unix" => Some("listening on a socket of its own"),
        _ => None,
    }
}

fn show(harvester: &HarvesterConfig) -> Value {
    let HarvesterConfig::Wasm(wasm) = harvester;
    let mut fields = component::show(&wasm.plugin, PluginKind::Harvester);
    fields.shift_insert(0, "type".into(), json!(harvester.kind()));
    fields.insert("restart".into(), json!(wasm.restart.name()));
    Value::Object(fields)
}
