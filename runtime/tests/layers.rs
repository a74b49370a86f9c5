//! Checks the map of ARCHITECTURE.md against the sources: which module may import which, and where each foreign
//! engine is at home.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules, each above those that may import from it.
const LAYERS: &[&str] = &[
    "domain", "config", "metrics", "store", "pipeline", "live", "harvest", "plugin", "http", "app",
    "cli",
];

/// Foreign crates with the only modules that may name them. Unit tests may, to check what a module makes.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("wasmtime", &["plugin"]),
    ("wasmtime_wasi", &["plugin"]),
    ("wasmtime_wasi_http", &["plugin"]),
    ("wasmtime_wasi_io", &["plugin"]),
    ("axum", &["http"]),
    ("hyper", &["harvest", "http", "plugin"]),
    ("hyper_util", &["harvest", "http"]),
    ("http_body_util", &["harvest", "http", "plugin"]),
    ("rustc_demangle", &["plugin"]),
    ("rustls", &["harvest", "plugin"]),
    ("tokio_rustls", &["harvest", "plugin"]),
    ("webpki_roots", &["plugin"]),
    ("socket2", &["harvest"]),
    ("tower", &["http"]),
    ("tower_http", &["http"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli", "main"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["app", "cli", "main"]),
    ("saphyr", &["config"]),
    ("notify", &["harvest"]),
    ("globset", &["config", "harvest"]),
    ("regex", &["config", "harvest"]),
    ("syslog_loose", &["harvest"]),
    ("chrono", &["harvest"]),
    ("prometheus_client", &["metrics"]),
    ("tracing_subscriber", &["app"]),
];

/// What a module must not name, so that it stays what it is.
const BARRED: &[(&str, &[&str])] = &[
    ("domain", &["tokio", "tracing", "std::fs", "std::io", "std::net", "std::thread"]),
    ("config", &["tokio", "std::net"]),
    ("metrics", &["tokio", "std::fs", "std::net", "std::thread"]),
    ("live", &["std::fs", "std::net"]),
];

/// Longer files hold more than one idea.
const MAX_LINES: usize = 400;

/// A file of the crate.
struct Source {
    path: PathBuf,
    /// The layer it belongs to, or `lib` or `main`.
    layer: String,
    /// How many modules deep it is: 1 for a layer's own file.
    depth: usize,
    text: String,
}

impl Source {
    /// Whether it holds nothing but unit tests.
    fn is_test(&self) -> bool {
        self.path.with_extension("").iter().any(|part| part == "tests")
    }
}

#[test]
fn the_library_declares_the_layers_in_their_order() {
    let library = fs::read_to_string(root().join("lib.rs")).expect("the library is readable");
    let code = code_of(&library);
    let declared: Vec<_> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, LAYERS);
}

#[test]
fn a_module_imports_only_from_layers_above_it() {
    check(upward_imports);
}

#[test]
fn each_engine_has_one_home() {
    check(strangers);
}

#[test]
fn every_file_begins_with_what_it_owns() {
    check(|source| {
        let has_header = source.text.starts_with("//! ");
        if has_header { Vec::new() } else { vec!["no `//!` header".into()] }
    });
}

#[test]
fn no_file_is_longer_than_an_idea() {
    check(|source| {
        let lines = source.text.lines().count();
        let is_long = lines > MAX_LINES;
        if is_long { vec![format!("{lines} lines")] } else { Vec::new() }
    });
}

#[test]
fn what_these_tests_look_for_is_found() {
    let found = |layer: &str, depth, text: &str| {
        let source = Source { path: "x.rs".into(), layer: layer.into(), depth, text: text.into() };
        [upward_imports(&source), strangers(&source)].concat()
    };
    assert_eq!(found("store", 1, "use crate::http::Api;"), ["imports `http`"]);
    assert_eq!(
        found("store", 1, "use crate::{domain::Row, live::{Tail, Pace}};"),
        ["imports `live`"]
    );
    assert_eq!(found("store", 1, "fn f() -> crate::cli::X {}"), ["imports `cli`"]);
    assert_eq!(found("domain", 2, "use super::super::store::X;"), ["leaves its layer by `super`"]);
    assert_eq!(
        found("pipeline", 1, "let c = rusqlite::Connection::open(x);"),
        ["names `rusqlite`"]
    );
    assert_eq!(found("domain", 2, "use std::fs::File;"), ["names `std::fs`"]);

    assert!(found("http", 2, "use crate::store::X; use super::y; axum::serve()").is_empty());
    assert!(found("http", 2, "mod tests {\n use super::super::routes;\n}").is_empty());
    assert!(
        found("domain", 1, "// crate::http, rusqlite\nlet x = \"axum\"; let rusqlite_like = 1;")
            .is_empty()
    );
}

fn check(complaints: impl Fn(&Source) -> Vec<String>) {
    let sources = sources();
    assert!(sources.len() > LAYERS.len(), "the sources are not where this test looks for them");
    let all: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            let path = source.path.display().to_string();
            complaints(source).into_iter().map(move |what| format!("{path}: {what}"))
        })
        .collect();
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

fn upward_imports(source: &Source) -> Vec<String> {
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own) = rank(&source.layer) else { return Vec::new() };
    let code = code_of(&source.text);
    let mut complaints: Vec<_> = imported_modules(&code)
        .into_iter()
        .filter(|name| rank(name).is_none_or(|rank| rank > own))
        .map(|name| format!("imports `{name}`"))
        .collect();
    // Inside `mod tests`, which is the last of a file, one `super` leads to the file itself.
    let (body, tests) = code.split_once("mod tests {").unwrap_or((&code, ""));
    if longest_climb(body) >= source.depth || longest_climb(tests) > source.depth {
        complaints.push("leaves its layer by `super`".into());
    }
    complaints
}

fn strangers(source: &Source) -> Vec<String> {
    if source.is_test() {
        return Vec::new();
    }
    let all = code_of(&source.text);
    let (code, _) = all.split_once("mod tests {").unwrap_or((&all, ""));
    let layer = source.layer.as_str();
    let homeless = HOMES.iter().filter(|(_, homes)| !homes.contains(&layer)).map(|(name, _)| *name);
    let barred = BARRED.iter().filter(|(barred, _)| *barred == layer).flat_map(|(_, names)| *names);
    homeless
        .chain(barred.copied())
        .filter(|name| names(code, name))
        .map(|name| format!("names `{name}`"))
        .collect()
}

/// The modules that follow `crate::`, also those of `crate::{a, b::C}`.
fn imported_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(word_at_start(rest));
            continue;
        };
        let (mut level, mut item) = (0_usize, String::new());
        for character in group.chars() {
            match character {
                '}' if level == 0 => break,
                '{' => level += 1,
                '}' => level -= 1,
                ',' if level == 0 => modules.push(word_at_start(std::mem::take(&mut item).trim())),
                other => item.push(other),
            }
        }
        modules.push(word_at_start(item.trim()));
    }
    modules.retain(|name| !name.is_empty());
    modules
}

/// The most `super::` in a row.
fn longest_climb(code: &str) -> usize {
    let mut longest = 0;
    let mut rest = code;
    while let Some((_, after)) = rest.split_once("super::") {
        let mut count = 1;
        rest = after;
        while let Some(after) = rest.strip_prefix("super::") {
            count += 1;
            rest = after;
        }
        longest = longest.max(count);
    }
    longest
}

fn word_at_start(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

/// Whether the code names it as a whole word: a crate or a path.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The text without comments and the contents of literals.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") {
            raw_string_length(rest)
        } else if character == '"' {
            string_length(rest)
        } else {
            char_length(rest)
        };
        if skipped == 0 {
            code.push(character);
        }
        rest = rest.get(skipped.max(character.len_utf8())..).unwrap_or_default();
    }
    code
}

fn raw_string_length(text: &str) -> usize {
    let hashes = text.chars().skip(1).take_while(|c| *c == '#').count();
    if text.chars().nth(1 + hashes) != Some('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    let body = text.get(start..).unwrap_or_default();
    body.find(&end).map_or(text.len(), |at| start + at + end.len())
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of a character literal; 0 for anything else, such as a lifetime.
fn char_length(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('\'') else { return 0 };
    let mut characters = inner.chars();
    let is_escape = inner.starts_with('\\');
    let first: usize =
        characters.by_ref().take(if is_escape { 2 } else { 1 }).map(char::len_utf8).sum();
    if characters.next() == Some('\'') { 1 + first + 1 } else { 0 }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut sources = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a source directory is readable") {
            let path = entry.expect("an entry is readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(source(&root, &path));
            }
        }
    }
    sources
}

fn source(root: &Path, path: &Path) -> Source {
    let relative = path.strip_prefix(root).expect("sources lie in the root");
    let mut names: Vec<_> = relative
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    Source {
        path: relative.to_owned(),
        layer: names.first().cloned().unwrap_or_default(),
        depth: names.len(),
        text: fs::read_to_string(path).expect("a source file is readable"),
    }
}
