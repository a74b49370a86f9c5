//! `harvesters`: sources that loglite reads by itself.

use serde_json::{Value, json};

use super::component::{self, COMPONENT, NAME, Plugins};
use super::input::harvester;
use super::key::{Key, Reader};
use super::mapping;
use super::report::Report;
use super::root::Config;
use super::yaml::{Content, Node};
use super::{NativeHarvesterConfig, Restart, WasmHarvesterConfig};
use crate::domain::PluginKind;

const EXPECTED: &str =
    "a list of harvesters, each a mapping with `type`, `name` and what its type needs";
pub(super) const ONE: &str = "a mapping with `type`, `name` and what its type needs";
const TYPE: &str = "a type such as `file`, `socket` or `wasm`";
/// The keys of a plugin.
pub(super) const FIELDS: [&str; 7] =
    ["type", "name", "component", "config", "grant", "limits", "restart"];

/// A source that loglite reads by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum HarvesterConfig {
    /// `type: wasm`: a plugin.
    Wasm(WasmHarvesterConfig),
    /// Any other type.
    Native(NativeHarvesterConfig),
}

impl HarvesterConfig {
    /// What it is called in logs and metrics: the source of its entries.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Wasm(harvester) => &harvester.plugin.name,
            Self::Native(harvester) => &harvester.name,
        }
    }

    /// It, if it is a plugin.
    #[must_use]
    pub fn wasm(&self) -> Option<&WasmHarvesterConfig> {
        match self {
            Self::Wasm(harvester) => Some(harvester),
            Self::Native(_) => None,
        }
    }

    /// Whether it is a plugin.
    #[must_use]
    pub fn is_wasm(&self) -> bool {
        self.wasm().is_some()
    }

    /// It, if it is none.
    #[must_use]
    pub fn native(&self) -> Option<&NativeHarvesterConfig> {
        match self {
            Self::Wasm(_) => None,
            Self::Native(harvester) => Some(harvester),
        }
    }

    /// Its `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wasm(_) => "wasm",
            Self::Native(harvester) => harvester.input.kind(),
        }
    }
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "harvesters",
    expected: EXPECTED,
    doc: "Sources that loglite reads by itself, as a list, each with `type` (file, socket, syslog, zmq, \
          journald, docker, exec, stdin or wasm), `name`, `config` (where entries come from and what a \
          line is) and `restart` (once it has ended: always, on_failure or never). See \"Harvesters\" \
          in the README. One of `type: wasm` is a WebAssembly component: `component` (its file), \
          `config` (its own settings), `grant` (what it may reach) and `limits` (what it may use). See \
          \"Plugins in the configuration\" there.",
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
    let mut stdin = None;
    let mut harvesters = Vec::new();
    for (index, node) in items.iter().enumerate() {
        let path = format!("harvesters[{index}]");
        let harvester = match type_of(node) {
            None => HarvesterConfig::Wasm(read_wasm(node, &path, &mut plugins, report)),
            Some(kind) => {
                let kind = harvester::read_type(kind, &path, &mut stdin, report);
                let place = (kind, path.as_str());
                HarvesterConfig::Native(harvester::read(node, place, &mut plugins, report))
            }
        };
        harvesters.push(harvester);
    }
    config.harvesters = harvesters;
}

/// The `type`, unless it is that of a component; a harvester without one is looked at as if it were.
fn type_of(node: &Node) -> Option<&Node> {
    let Content::Mapping(entries) = &node.content else { return None };
    let (_, kind) = entries.iter().rfind(|(key, _)| key.text == "type")?;
    (kind.scalar() != Some("wasm")).then_some(kind)
}

fn read_wasm(
    node: &Node,
    path: &str,
    plugins: &mut Plugins,
    report: &mut Report,
) -> WasmHarvesterConfig {
    let mut harvester =
        WasmHarvesterConfig { plugin: plugins.unread(), restart: Restart::default() };
    let fields = mapping::fields(node, path, ONE, &FIELDS, report);
    let required = [("type", TYPE), ("name", NAME), ("component", COMPONENT)];
    mapping::require(&fields, &required, (node, path), report);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        match name {
            "type" => {}
            "restart" => harvester::read_restart(&mut harvester.restart, node, &path, report),
            _ => plugins.read(&mut harvester.plugin, (name, node), &path, report),
        }
    }
    harvester
}

fn show(harvester: &HarvesterConfig) -> Value {
    let (mut fields, restart) = match harvester {
        HarvesterConfig::Wasm(wasm) => {
            (component::show(&wasm.plugin, PluginKind::Harvester), wasm.restart)
        }
        HarvesterConfig::Native(native) => (harvester::show(native), native.restart),
    };
    fields.shift_insert(0, "type".into(), json!(harvester.kind()));
    fields.insert("restart".into(), json!(restart.name()));
    Value::Object(fields)
}
