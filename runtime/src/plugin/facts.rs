//! What is known of a component once it is loaded.

use std::time::Duration;

use crate::domain::PluginKind;

/// What `loglite plugin check` tells of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The world that it implements, such as `loglite:plugin/transform-plugin`.
    pub world: &'static str,
    /// The version of `loglite:plugin` that it was made for.
    pub version: String,
    /// What it wants from its host.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
    /// The size of its file.
    pub bytes: u64,
    /// How long it took to compile, or to read from the cache.
    pub compile_time: Duration,
    /// Whether it was in the cache.
    pub was_cached: bool,
}

impl PluginKind {
    /// The interface that makes a component of this kind, without its version.
    pub(super) fn interface(self) -> &'static str {
        match self {
            Self::Harvester => "loglite:plugin/harvester",
            Self::Transform => "loglite:plugin/transform",
        }
    }

    /// The world, without its version.
    pub(super) fn world(self) -> &'static str {
        match self {
            Self::Harvester => "loglite:plugin/harvester-plugin",
            Self::Transform => "loglite:plugin/transform-plugin",
        }
    }
}

impl Facts {
    /// The keys of `grant` that its imports hint at. Standard libraries import more than a program uses, so that it
    /// may run without any of them.
    #[must_use]
    pub fn grant_hints(&self) -> Vec<&'static str> {
        const HINTS: [(&str, &[&str]); 4] = [
            ("http", &["wasi:http/", "loglite:plugin/http"]),
            ("env", &["wasi:cli/environment"]),
            ("dirs", &["wasi:filesystem/"]),
            ("tcp", &["wasi:sockets/tcp"]),
        ];
        let is_imported = |prefix: &str| self.imports.iter().any(|name| name.starts_with(prefix));
        let hinted = HINTS.iter().filter(|(_, prefixes)| prefixes.iter().any(|p| is_imported(p)));
        hinted.map(|(key, _)| *key).collect()
    }
}
