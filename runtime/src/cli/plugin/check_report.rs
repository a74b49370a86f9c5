//! What is known of a component, for people and for programs.

use crate::domain::PluginKind;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::domain::ByteSize;
use crate::plugin::{Facts, LoadError};

/// A component that can run.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    file: String,
    runs: bool,
    kind: String,
    world: String,
    bytes: u64,
    load_ms: f64,
    from_cache: bool,
    imports: &'a [String],
    exports: &'a [String],
    /// Keys of `grant` that the imports hint at.
    may_use: Vec<&'static str>,
}

/// A component that can't.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    file: String,
    runs: bool,
    reason: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &Path, kind: PluginKind, facts: &'a Facts) -> Self {
        Self {
            file: file.display().to_string(),
            runs: true,
            kind: kind.to_string(),
            world: format!("{}@{}", facts.world, facts.version),
            bytes: facts.bytes,
            load_ms: milliseconds(facts.compile_time),
            from_cache: facts.was_cached,
            imports: &facts.imports,
            exports: &facts.exports,
            may_use: facts.grant_hints(),
        }
    }
}

impl Refused {
    pub(super) fn new(file: &Path, error: &LoadError) -> Self {
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        Self { file: file.display().to_string(), runs: false, reason: format!("{error}{cause}") }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, kind, world, .. } = self;
        writeln!(f, "{file}: a {kind} that can run")?;
        writeln!(f, "world     {world}")?;
        writeln!(f, "size      {}", readable(self.bytes))?;
        let how = if self.from_cache { "read from the cache" } else { "compiled, now cached" };
        writeln!(f, "load      {} ms, {how}", self.load_ms)?;
        list(f, "exports", self.exports)?;
        list(f, "imports", self.imports)?;
        if self.may_use.is_empty() {
            return writeln!(f, "grants    none: it imports nothing that needs one");
        }
        for (index, key) in self.may_use.iter().enumerate() {
            let title = if index == 0 { "grants" } else { "" };
            writeln!(f, "{title:<9} it may use `grant.{key}`: {}", what(key))?;
        }
        writeln!(f, "{:<9} (standard libraries import more than a plugin uses)", "")
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, names: &[String]) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        let title = if index == 0 { title } else { "" };
        writeln!(f, "{title:<9} {name}")?;
    }
    Ok(())
}

fn what(key: &str) -> &'static str {
    match key {
        "http" => "requests to web servers",
        "env" => "environment variables",
        "dirs" => "files",
        _ => "connections by TCP",
    }
}

/// The size as people read it, with the exact one where it is rounded.
fn readable(bytes: u64) -> String {
    let exact = ByteSize(bytes).to_string();
    let (unit, name) = if bytes >= 1 << 20 { (1 << 20, "MB") } else { (1 << 10, "KB") };
    if bytes < 1 << 10 {
        return exact;
    }
    format!("{:.1}{name} ({bytes} bytes)", bytes as f64 / f64::from(unit))
}

/// To a hundredth.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(imports: &[&str]) -> Facts {
        Facts {
            world: "loglite:plugin/transform-plugin",
            version: "0.1.0".into(),
            imports: imports.iter().map(|name| (*name).to_owned()).collect(),
            exports: vec!["loglite:plugin/transform@0.1.0".into()],
            bytes: 134_300,
            compile_time: Duration::from_micros(84_567),
            was_cached: false,
        }
    }

    #[test]
    fn a_report_is_a_few_lines_for_people() {
        let facts = facts(&["loglite:plugin/logging@0.1.0", "wasi:filesystem/types@0.2.6"]);
        let report = Report::new(Path::new("x.wasm"), PluginKind::Transform, &facts).to_string();
        assert_eq!(
            report,
            "x.wasm: a transform that can run\n\
             world     loglite:plugin/transform-plugin@0.1.0\n\
             size      131.2KB (134300 bytes)\n\
             load      84.57 ms, compiled, now cached\n\
             exports   loglite:plugin/transform@0.1.0\n\
             imports   loglite:plugin/logging@0.1.0\n          wasi:filesystem/types@0.2.6\n\
             grants    it may use `grant.dirs`: files\n          \
             (standard libraries import more than a plugin uses)\n"
        );
    }

    #[test]
    fn a_component_that_needs_nothing_says_so() {
        let facts = facts(&[]);
        let report = Report::new(Path::new("x.wasm"), PluginKind::Transform, &facts).to_string();
        assert!(
            report.ends_with("grants    none: it imports nothing that needs one\n"),
            "{report}"
        );
    }
}
