//! Checks the tables of keys, harvesters and limits in README.md against the program's own.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use loglite::config::{InputKey, InputKind, Key, Limits, limit_keys, line_keys, sections};

const BEGIN: &str = "<!-- keys: a test compares this table with the program -->\n";
const END: &str = "<!-- end of keys -->\n";
const LIMITS_BEGIN: &str = "<!-- limits: a test compares this table with the program -->\n";
const LIMITS_END: &str = "<!-- end of limits -->\n";

#[test]
fn the_readme_lists_every_key_with_its_default_and_meaning() {
    let expected = expected_table();
    let table = between(BEGIN, END);
    assert!(table == expected, "the table of keys in README.md must be:\n\n{expected}");
}

#[test]
fn the_readme_lists_every_limit_with_its_defaults_and_meaning() {
    let expected = expected_limits();
    let table = between(LIMITS_BEGIN, LIMITS_END);
    assert!(table == expected, "the table of limits in README.md must be:\n\n{expected}");
}

#[test]
fn the_readme_lists_every_key_of_harvesters_with_its_default_and_meaning() {
    let own = InputKind::ALL.map(|kind| (kind.name(), kind.keys().collect::<Vec<_>>()));
    for (name, keys) in own.into_iter().chain([("lines", line_keys().collect())]) {
        if keys.is_empty() {
            continue;
        }
        let expected = expected_inputs(&keys);
        let begin = format!("<!-- {name}: a test compares this table with the program -->\n");
        let table = between(&begin, &format!("<!-- end of {name} -->\n"));
        assert!(table == expected, "the table of `{name}` in README.md must be:\n\n{expected}");
    }
}

fn between(begin: &str, end: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README is readable");
    let (_, rest) = readme.split_once(begin).expect("the README marks where the table begins");
    let (table, _) = rest.split_once(end).expect("the README marks where the table ends");
    table.to_owned()
}

fn expected_limits() -> String {
    let mut table =
        String::from("| limit | transform | harvester | what it limits |\n|---|---|---|---|\n");
    for limit in limit_keys() {
        let [transform, harvester] = [Limits::of_transform(), Limits::of_harvester()]
            .map(|limits| limit.value_text(&limits));
        writeln!(table, "| `{}` | `{transform}` | `{harvester}` | {} |", limit.name, limit.doc)
            .expect("a String takes all");
    }
    table
}

fn expected_table() -> String {
    let mut table = String::from("| key | default | meaning |\n|---|---|---|\n");
    for section in sections() {
        writeln!(table, "| **{}** | | |", section.title).expect("a String takes all");
        for key in section.keys {
            writeln!(table, "{}", line(key)).expect("a String takes all");
        }
    }
    table
}

fn expected_inputs(keys: &[InputKey]) -> String {
    let mut table = String::from("| key | default | meaning |\n|---|---|---|\n");
    for key in keys {
        writeln!(table, "{}", row(key.name, key.default, key.doc)).expect("a String takes all");
    }
    table
}

fn line(key: &Key) -> String {
    row(key.name, &key.default_text(), key.doc)
}

fn row(name: &str, default: &str, doc: &str) -> String {
    let default = match default {
        "required" => default.to_owned(),
        text => format!("`{text}`"),
    };
    // A bar would end the cell.
    let doc = doc.replace('|', "\\|");
    format!("| `{name}` | {default} | {doc} |")
}
