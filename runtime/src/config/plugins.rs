//! The keys of plugins, apart from the harvesters among them.

use std::path::PathBuf;

use serde_json::json;

use super::key::{Key, Reader};
use super::root::Config;
use super::transforms;
use super::value::{self, store};
use crate::domain::ByteSize;

/// What all plugins have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginsConfig {
    /// Where compiled components are kept; none for `plugin-cache` beside the database. See
    /// [`Config::plugin_cache_dir`].
    pub cache_dir: Option<PathBuf>,
    /// The stack of a plugin.
    pub stack_size: ByteSize,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self { cache_dir: None, stack_size: ByteSize(512 << 10) }
    }
}

impl Config {
    /// The directory where compiled components are kept.
    #[must_use]
    pub fn plugin_cache_dir(&self) -> PathBuf {
        let beside_the_database = || self.database.sqlite_dir.join("plugin-cache");
        self.plugins.cache_dir.clone().unwrap_or_else(beside_the_database)
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "transforms",
        expected: transforms::EXPECTED,
        doc: "WebAssembly components that entries pass on their way into the table, in this order, as a \
              list: `name`, `component` (its file), `config` (its own settings), `grant` (what it may \
              reach), `limits` (what it may use), `sources` (whose entries it sees: `http`, names of \
              harvesters, patterns with `*`) and `on_failure` (for entries that it fails on: \
              dead_letter, drop, pass or block). See \"Plugins in the configuration\" in the README.",
        read: Reader::Nested(transforms::read),
        show: |config| config.transforms.iter().map(transforms::show).collect(),
    },
    Key {
        name: "plugin_cache_dir",
        expected: "the path of a directory, or `none`",
        doc: "The directory of compiled components, created if it is missing, so that a start need not \
              compile them again. loglite runs what it finds there: nobody else may write to it. With \
              none it is `plugin-cache` in `sqlite_dir`.",
        read: Reader::Scalar(|config, text| {
            let is_none = value::is_none(text);
            let dir = value::text(text).map(PathBuf::from).filter(|_| !is_none);
            (is_none || dir.is_some()) && store(&mut config.plugins.cache_dir, Some(dir))
        }),
        show: |config| match &config.plugins.cache_dir {
            Some(dir) => json!(dir),
            None => json!("none"),
        },
    },
    Key {
        name: "plugin_stack_size",
        expected: "a size from 64KB to 8MB",
        doc: "The stack of a plugin. One that recurses deeper fails.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.plugins.stack_size, value::size(text, 64 << 10..=8 << 20))
        }),
        show: |config| json!(config.plugins.stack_size.to_string()),
    },
];
