//! Shows the configuration in effect: to HTTP clients as a list, to a user as a file that loads again.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::component;
use super::harvesters::HarvesterConfig;
use super::key::{Key, REQUIRED, keys, sections};
use super::root::Config;

/// Lines of comments are wrapped here.
const COMMENT_WIDTH: usize = 96;

/// One setting as `GET /settings` lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value in effect.
    pub value: Value,
    /// What the key does.
    pub description: String,
}

impl Config {
    /// The value in effect of every key, in documented order.
    ///
    /// Migrations appear by version only, of a plugin's `config:` the keys only. `compression_enabled` and `harvester_types` are no keys; clients of
    /// older versions look for them.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let setting = |key: &str, value, description: &str| Setting {
            key: key.into(),
            value,
            description: description.into(),
        };
        let mut settings: Vec<_> =
            keys().map(|key| setting(key.name, self.setting_value(key), key.doc)).collect();
        let types: Value = self.harvesters.iter().map(HarvesterConfig::kind).collect();
        let enabled = json!(self.compression.enabled);
        settings.push(setting("compression_enabled", enabled, "Whether `compression` is enabled."));
        settings.push(setting("harvester_types", types, "The types of `harvesters`."));
        settings
    }

    /// The configuration in effect as a documented YAML file that loads to the same configuration.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut yaml = String::new();
        for section in sections() {
            if !yaml.is_empty() {
                yaml.push('\n');
            }
            write_lines(&mut yaml, &[format!("# == {} ==", section.title)]);
            for key in section.keys {
                yaml.push('\n');
                write_lines(&mut yaml, &wrap(&comment(key)));
                yaml.push_str(&entry(key.name, &(key.show)(self)));
            }
        }
        yaml
    }

    fn setting_value(&self, key: &Key) -> Value {
        match key.name {
            "migrations" => self.migrations.iter().map(|migration| migration.version).collect(),
            "harvesters" | "transforms" => component::without_secrets((key.show)(self)),
            _ => (key.show)(self),
        }
    }
}

fn comment(key: &Key) -> String {
    match key.default_text().as_str() {
        REQUIRED => key.doc.into(),
        default => format!("{} Default: {default}.", key.doc),
    }
}

fn entry(name: &str, value: &Value) -> String {
    serde_yaml::to_string(&json!({ name: value }))
        .expect("text, numbers, lists and mappings are YAML")
}

fn write_lines(yaml: &mut String, lines: &[String]) {
    for line in lines {
        writeln!(yaml, "{line}").expect("writing to a String can't fail");
    }
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > COMMENT_WIDTH {
            lines.push(std::mem::replace(&mut line, "#".into()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines
}
