//! Checks the table of keys in README.md against the program's own.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use loglite::config::{Key, sections};

const BEGIN: &str = "<!-- keys: a test compares this table with the program -->\n";
const END: &str = "<!-- end of keys -->\n";

#[test]
fn the_readme_lists_every_key_with_its_default_and_meaning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README is readable");
    let (_, rest) = readme.split_once(BEGIN).expect("the README marks where the table begins");
    let (table, _) = rest.split_once(END).expect("the README marks where the table ends");

    let expected = expected_table();
    assert!(table == expected, "the table of keys in README.md must be:\n\n{expected}");
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

fn line(key: &Key) -> String {
    let default = match key.default_text() {
        text if text == "required" => text,
        text => format!("`{text}`"),
    };
    // A bar would end the cell.
    let doc = key.doc.replace('|', "\\|");
    format!("| `{}` | {default} | {doc} |", key.name)
}
