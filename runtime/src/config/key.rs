//! The table of keys: what each is called, expects and means, and how it is read and shown.

use serde_json::Value;

use super::report::Report;
use super::root::Config;
use super::yaml::Node;
use super::{
    compression, database, dead_letters, harvesters, http, ingest, migrations, partition, plugins,
    retention, root, sse, tasks,
};

/// One key of the configuration file.
#[derive(Debug)]
pub struct Key {
    /// The key as the file spells it. `LOGLITE_` and the name in capitals is its environment variable.
    pub name: &'static str,
    /// What a value must be, to complete "expected …".
    pub expected: &'static str,
    /// What the key does: purpose, unit, consequence.
    pub doc: &'static str,
    pub(super) read: Reader,
    pub(super) show: fn(&Config) -> Value,
}

/// How a key's value gets into the configuration.
#[derive(Debug)]
pub(super) enum Reader {
    /// From the text of a scalar; false when it is not what the key expects.
    Scalar(fn(&mut Config, &str) -> bool),
    /// From a list or mapping; reports what is wrong by itself.
    Nested(fn(&mut Config, &Node, &mut Report)),
}

/// A group of keys.
#[derive(Debug)]
pub struct Section {
    /// What the keys are about.
    pub title: &'static str,
    /// The keys in the order in which they are documented.
    pub keys: &'static [Key],
}

/// Stands for the default of a key that has none.
pub(super) const REQUIRED: &str = "required";

/// Keys are read in this order, too: transforms name harvesters.
const SECTIONS: &[Section] = &[
    Section { title: "HTTP server", keys: http::KEYS },
    Section { title: "Database", keys: database::KEYS },
    Section { title: "Ingest", keys: ingest::KEYS },
    Section { title: "Dead letters", keys: dead_letters::KEYS },
    Section { title: "Live subscriptions", keys: sse::KEYS },
    Section { title: "Retention", keys: retention::KEYS },
    Section { title: "Partitions", keys: partition::KEYS },
    Section { title: "Compression", keys: compression::KEYS },
    Section { title: "Background work", keys: tasks::KEYS },
    Section { title: "Harvesters", keys: harvesters::KEYS },
    Section { title: "Plugins", keys: plugins::KEYS },
    Section { title: "Operation", keys: root::KEYS },
    Section { title: "Schema", keys: migrations::KEYS },
];

/// All sections in the order in which they are documented.
#[must_use]
pub fn sections() -> &'static [Section] {
    SECTIONS
}

/// All keys in the order in which they are documented.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

impl Key {
    /// The default as a reference lists it, such as `7788`, `1TB` or `[]`; `required` when there is none.
    #[must_use]
    pub fn default_text(&self) -> String {
        if self.name == "migrations" {
            return REQUIRED.into();
        }
        match (self.show)(&Config::default()) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// Whether the value is a scalar, which an environment variable can override.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self.read, Reader::Scalar(_))
    }

    /// The environment variable that overrides the key.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{}{}", super::environment::PREFIX, self.name.to_ascii_uppercase())
    }
}

/// The name among `known` that `word` was probably meant to be, at most `distance` edits away.
pub(super) fn nearest<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
    distance: usize,
) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let by_distance = known.into_iter().map(|name| (strsim::osa_distance(&word, name), name));
    by_distance.filter(|(edits, _)| *edits <= distance).min().map(|(_, name)| name)
}
