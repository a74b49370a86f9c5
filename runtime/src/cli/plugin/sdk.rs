//! The SDKs and the interface inside the program, so that a new project is complete by itself.
//!
//! A test compares these lists with the folders.

/// Files of ours, each with its path from the root of the repository.
pub(super) type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path)))),*]
    };
}

/// The interface between loglite and plugins.
pub(super) const WIT: Files = files![
    "wit/harvester.wit",
    "wit/http.wit",
    "wit/ingestor.wit",
    "wit/lifecycle.wit",
    "wit/logging.wit",
    "wit/transform.wit",
    "wit/types.wit",
    "wit/worlds.wit",
];

/// The SDK for Rust.
pub(super) const RUST: Files = files![
    "guest-sdk/rust/Cargo.toml",
    "guest-sdk/rust/README.md",
    "guest-sdk/rust/src/config.rs",
    "guest-sdk/rust/src/cut.rs",
    "guest-sdk/rust/src/entry.rs",
    "guest-sdk/rust/src/export.rs",
    "guest-sdk/rust/src/export/component.rs",
    "guest-sdk/rust/src/failure.rs",
    "guest-sdk/rust/src/harvest.rs",
    "guest-sdk/rust/src/harvest/checkpoint.rs",
    "guest-sdk/rust/src/harvest/receipt.rs",
    "guest-sdk/rust/src/host.rs",
    "guest-sdk/rust/src/host/component.rs",
    "guest-sdk/rust/src/host/native.rs",
    "guest-sdk/rust/src/http.rs",
    "guest-sdk/rust/src/http/error.rs",
    "guest-sdk/rust/src/http/response.rs",
    "guest-sdk/rust/src/lib.rs",
    "guest-sdk/rust/src/log.rs",
    "guest-sdk/rust/src/testing.rs",
    "guest-sdk/rust/src/testing/host.rs",
    "guest-sdk/rust/src/testing/state.rs",
    "guest-sdk/rust/src/transform.rs",
];

/// The SDK for Python.
pub(super) const PYTHON: Files = files![
    "guest-sdk/python/README.md",
    "guest-sdk/python/loglite/__init__.py",
    "guest-sdk/python/loglite/_bindings.py",
    "guest-sdk/python/loglite/_host.py",
    "guest-sdk/python/loglite/_preload.py",
    "guest-sdk/python/loglite/errors.py",
    "guest-sdk/python/loglite/harvester.py",
    "guest-sdk/python/loglite/http.py",
    "guest-sdk/python/loglite/http_errors.py",
    "guest-sdk/python/loglite/ingestor.py",
    "guest-sdk/python/loglite/log.py",
    "guest-sdk/python/loglite/model.py",
    "guest-sdk/python/loglite/testing.py",
    "guest-sdk/python/loglite/transform.py",
    "guest-sdk/python/pyproject.toml",
];

/// The SDK for JavaScript.
pub(super) const JAVASCRIPT: Files = files![
    "guest-sdk/javascript/README.md",
    "guest-sdk/javascript/common.d.ts",
    "guest-sdk/javascript/harvester.d.ts",
    "guest-sdk/javascript/harvester.js",
    "guest-sdk/javascript/lib/errors.js",
    "guest-sdk/javascript/lib/http.js",
    "guest-sdk/javascript/lib/ingestor.js",
    "guest-sdk/javascript/lib/log.js",
    "guest-sdk/javascript/lib/text.js",
    "guest-sdk/javascript/package.json",
    "guest-sdk/javascript/testing/hooks.js",
    "guest-sdk/javascript/testing/host.d.ts",
    "guest-sdk/javascript/testing/host.js",
    "guest-sdk/javascript/testing/register.js",
    "guest-sdk/javascript/transform.d.ts",
    "guest-sdk/javascript/transform.js",
];

/// The SDK for C.
pub(super) const C: Files = files![
    "guest-sdk/c/Makefile",
    "guest-sdk/c/README.md",
    "guest-sdk/c/loglite.h",
    "guest-sdk/c/loglite_bindings.h",
    "guest-sdk/c/loglite_json.h",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Folders that a plugin's author has no use for, or that tools have made.
    const LEFT_OUT: [&str; 7] =
        ["test", "tests", "wit", "target", "node_modules", "__pycache__", ".venv"];

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn collect(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if !LEFT_OUT.contains(&name.as_str()) && !name.ends_with(".egg-info") {
                    collect(&path, found);
                }
            } else if !name.starts_with('.') && !name.ends_with(".lock") {
                let below = path.strip_prefix(root()).expect("it is below the root");
                found.insert(below.to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn a_new_project_gets_all_of_its_sdk() {
        for (folder, files) in [
            ("guest-sdk/rust", RUST),
            ("guest-sdk/python", PYTHON),
            ("guest-sdk/javascript", JAVASCRIPT),
            ("guest-sdk/c", C),
        ] {
            let mut found = BTreeSet::new();
            collect(&root().join(folder), &mut found);
            let listed: BTreeSet<_> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(listed, found, "{folder} has other files than the program");
        }
    }

    #[test]
    fn a_new_project_gets_the_whole_interface() {
        let mut found = BTreeSet::new();
        collect(&root().join("wit"), &mut found);
        found.retain(|path| path.ends_with(".wit"));
        let listed: BTreeSet<_> = WIT.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, found);
    }
}
