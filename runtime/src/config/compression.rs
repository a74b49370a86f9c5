//! `compression`: columns whose values are stored as ids of a dictionary.

use serde_json::{Value, json};

use super::key::{Key, Reader};
use super::mapping;
use super::report::Report;
use super::root::Config;
use super::value::{self, store};
use super::yaml::Node;

const EXPECTED: &str = "a mapping with `enabled` and `columns`";

/// Columns stored as ids of a dictionary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompressionConfig {
    /// Whether values are replaced by ids.
    pub enabled: bool,
    /// The columns.
    pub columns: Vec<String>,
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "compression",
    expected: EXPECTED,
    doc: "Store each distinct value of the named columns once and its number in the rows. The columns \
          are INTEGER in the table. Not in this version: `enabled: true` is refused.",
    read: Reader::Nested(read),
    show: |config| show(&config.compression),
}];

fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let fields = mapping::fields(node, "compression", EXPECTED, &["enabled", "columns"], report);
    for (name, node) in fields {
        let path = format!("compression.{name}");
        if name == "columns" {
            config.compression.columns = value::texts(node, &path, report);
        } else {
            report.set_at("compression.enabled", Some(node.at));
            let enabled = node.scalar().and_then(value::boolean);
            if !store(&mut config.compression.enabled, enabled) {
                report.mismatch(path, node, value::BOOLEAN);
            }
        }
    }
}

fn show(compression: &CompressionConfig) -> Value {
    json!({"enabled": compression.enabled, "columns": compression.columns})
}
