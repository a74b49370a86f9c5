//! `compression`: columns whose values are stored as ids of a dictionary.

use serde_json::{Value, json};

use super::key::{Key, Reader};
use super::mapping;
use super::report::Report;
use super::root::Config;
use super::value::{self, store};
use super::yaml::{Content, Node};

const EXPECTED: &str = "a mapping with `enabled`, `columns` and `max_values`";
const COUNT: &str = "a whole number from 1 to 4294967295";

/// Columns stored as ids of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionConfig {
    /// Whether values are replaced by ids.
    pub enabled: bool,
    /// The columns.
    pub columns: Vec<String>,
    /// How many values a column's dictionary holds at most; further ones are stored as they are.
    pub max_values: u64,
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self { enabled: false, columns: Vec::new(), max_values: 65_536 }
    }
}

pub(super) const KEYS: &[Key] = &[Key {
    name: "compression",
    expected: EXPECTED,
    doc: "Store each distinct value of the named columns once and its number in the rows, for columns \
          with few values, such as a level or a service. They are INTEGER in the table. A column's \
          dictionary takes `max_values` values; further ones are stored as they are.",
    read: Reader::Nested(read),
    show: |config| show(&config.compression),
}];

fn read(config: &mut Config, node: &Node, report: &mut Report) {
    let fields = mapping::fields(
        node,
        "compression",
        EXPECTED,
        &["enabled", "columns", "max_values"],
        report,
    );
    for (name, node) in fields {
        let path = format!("compression.{name}");
        let compression = &mut config.compression;
        match name {
            "columns" => {
                compression.columns = value::texts(node, &path, report);
                report_duplicates(node, &path, report);
            }
            "max_values" => {
                let count =
                    node.scalar().and_then(|text| value::whole(text, 1..=u64::from(u32::MAX)));
                if !store(&mut compression.max_values, count) {
                    report.mismatch(path, node, COUNT);
                }
            }
            _ => {
                let enabled = node.scalar().and_then(value::boolean);
                if !store(&mut compression.enabled, enabled) {
                    report.mismatch(path, node, value::BOOLEAN);
                }
            }
        }
    }
}

fn report_duplicates(node: &Node, path: &str, report: &mut Report) {
    let Content::List(items) = &node.content else { return };
    let names: Vec<_> = items.iter().map(Node::scalar).collect();
    for (at, (item, name)) in items.iter().zip(&names).enumerate() {
        let Some(name) = name else { continue };
        let before = names.iter().take(at).flatten();
        if before.into_iter().any(|other| other.eq_ignore_ascii_case(name)) {
            report.mismatch(format!("{path}[{at}]"), item, "each column once");
        }
    }
}

/// Reports compression of nothing.
pub(super) fn check(config: &Config, report: &mut Report) {
    if config.compression.enabled && config.compression.columns.is_empty() {
        let expected = "the names of columns in `columns` when `enabled` is true".to_owned();
        report.mismatch_of_key("compression", expected, "none".to_owned());
    }
}

fn show(compression: &CompressionConfig) -> Value {
    let CompressionConfig { enabled, columns, max_values } = compression;
    json!({"enabled": enabled, "columns": columns, "max_values": max_values})
}
