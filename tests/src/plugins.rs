//! Plugins in a configuration, and what a running service tells of them.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::deadline::eventually;
use crate::guest::guest;
use crate::server::Server;

/// A harvester or a transform, as a configuration has it.
#[derive(Debug, Clone)]
pub struct Plugin(Value);

impl Plugin {
    /// A harvester called `name`, made of a guest, with its `config:`.
    #[must_use]
    pub fn harvester(name: &str, made_of: &str, config: &Value) -> Self {
        Self::new(name, &guest(made_of), config).with("type", "wasm")
    }

    /// A transform called `name`, made of a guest, with its `config:`.
    #[must_use]
    pub fn transform(name: &str, made_of: &str, config: &Value) -> Self {
        Self::new(name, &guest(made_of), config)
    }

    fn new(name: &str, component: &Path, config: &Value) -> Self {
        Self(json!({"name": name, "component": component, "config": config}))
    }

    /// The same with this key, such as `limits` or `on_failure`.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Some(fields) = self.0.as_object_mut() {
            fields.insert(key.to_owned(), value.into());
        }
        self
    }
}

/// The keys of a configuration for these harvesters and transforms.
///
/// Compiled components are kept for the tests that follow, as compiling is slow in a debug build.
#[must_use]
pub fn keys(harvesters: &[Plugin], transforms: &[Plugin]) -> String {
    let list = |plugins: &[Plugin]| plugins.iter().map(|Plugin(value)| value.clone()).collect();
    // JSON is YAML, too.
    let (harvesters, transforms): (Value, Value) = (list(harvesters), list(transforms));
    let cache = json!(cache_directory());
    format!("harvesters: {harvesters}\ntransforms: {transforms}\nplugin_cache_dir: {cache}")
}

/// Beside the tests' own programs.
fn cache_directory() -> PathBuf {
    let own = std::env::current_exe().expect("a running test knows its own path");
    own.with_file_name("e2e-plugin-cache")
}

/// What `GET /plugins` tells of one plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginStatus(Value);

impl PluginStatus {
    /// A text, such as `state` or `last_error`; an empty one where there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A count, such as `failures`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn count(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {key} in {self}"))
    }

    /// How many entries came to this, such as `kept`.
    #[must_use]
    pub fn entries(&self, fate: &str) -> u64 {
        let fates = self.0.get("entries").and_then(|fates| fates.get(fate));
        fates.and_then(Value::as_u64).unwrap_or(0)
    }
}

impl fmt::Display for PluginStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Server {
    /// What `GET /plugins` tells of the plugin.
    ///
    /// # Panics
    /// When it tells nothing.
    #[must_use]
    pub fn plugin(&self, name: &str) -> PluginStatus {
        let answer = self.get("/plugins");
        let all = answer.at("/result");
        let all = all.as_array().unwrap_or_else(|| panic!("no plugins in {answer:?}"));
        let found = all.iter().find(|plugin| plugin.get("name").is_some_and(|own| own == name));
        PluginStatus(found.unwrap_or_else(|| panic!("no plugin `{name}` in {answer:?}")).clone())
    }

    /// The value of a sample of `GET /metrics`, such as `loglite_plugin_failures_total{plugin="x",kind="transform"}`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn metric(&self, sample: &str) -> f64 {
        let text = self.get("/metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {sample} in:\n{text}"))
    }

    /// The lines of the service's log that hold all of these texts.
    #[must_use]
    pub fn log_lines(&self, texts: &[&str]) -> Vec<String> {
        let log = self.process().stderr();
        let lines = log.lines().filter(|line| texts.iter().all(|text| line.contains(text)));
        lines.map(str::to_owned).collect()
    }
    /// Waits for a line in the service's log that holds all of these texts: what it has written is read by the way.
    ///
    /// # Panics
    /// When there is none within [`crate::DEADLINE`].
    pub fn wait_for_log(&self, texts: &[&str]) {
        eventually(&format!("the log has a line with {texts:?}"), || {
            (!self.log_lines(texts).is_empty()).then_some(())
        });
    }
}
