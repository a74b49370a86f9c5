//! `grant`: what a plugin may reach.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::problem::{Fault, Position};
use super::report::Report;
use super::value::{self, store};
use super::yaml::{Content, Node};
use super::{Access, DirGrant, Grants, authority, mapping};

const EXPECTED: &str = "a mapping with `http`, `env`, `dirs` and `tcp`";
const DIR: &str = "a mapping with `host`, `guest` and `access`";
const HOST: &str = "the path of a directory";
const GUEST: &str = "an absolute path without `.` and `..`, such as /logs";

/// Reads what is granted; nothing where there is no value.
pub(super) fn read(node: &Node, path: &str, report: &mut Report) -> Grants {
    let mut grants = Grants::default();
    let known = ["http", "env", "dirs", "tcp"];
    for (name, node) in mapping::fields(node, path, EXPECTED, &known, report) {
        let path = format!("{path}.{name}");
        match name {
            "http" => grants.http = value::each(node, &path, report, authority::of_http),
            "env" => grants.env = value::each(node, &path, report, variable),
            "tcp" => grants.tcp = value::each(node, &path, report, authority::of_tcp),
            _ => grants.dirs = read_dirs(node, &path, report),
        }
    }
    grants
}

/// What is granted, without what is not.
pub(super) fn show(grants: &Grants) -> Value {
    let dirs: Vec<_> = grants.dirs.iter().map(show_dir).collect();
    let lists = [
        ("http", json!(grants.http)),
        ("env", json!(grants.env)),
        ("dirs", json!(dirs)),
        ("tcp", json!(grants.tcp)),
    ];
    let granted = lists.into_iter().filter(|(_, list)| *list != json!([]));
    Value::Object(granted.map(|(name, list)| (name.to_owned(), list)).collect::<Map<_, _>>())
}

fn show_dir(dir: &DirGrant) -> Value {
    json!({"host": dir.host, "guest": dir.guest, "access": dir.access.name()})
}

fn variable(text: &str) -> Result<String, String> {
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let expected = "the name of an environment variable, of letters, digits and underscores; its \
                    value comes from the environment of loglite";
    fits.then(|| text.to_owned()).ok_or_else(|| expected.into())
}

fn read_dirs(node: &Node, path: &str, report: &mut Report) -> Vec<DirGrant> {
    let items = match &node.content {
        Content::Nothing => return Vec::new(),
        Content::List(items) => items,
        _ => {
            report.mismatch(path, node, &format!("a list, each item {DIR}"));
            return Vec::new();
        }
    };
    let mut seen = HashMap::new();
    let items = items.iter().enumerate();
    items
        .map(|(index, node)| read_dir(node, &format!("{path}[{index}]"), &mut seen, report))
        .collect()
}

fn read_dir(
    node: &Node,
    path: &str,
    seen: &mut HashMap<String, Position>,
    report: &mut Report,
) -> DirGrant {
    let mut dir = DirGrant { host: PathBuf::new(), guest: String::new(), access: Access::Read };
    let fields = mapping::fields(node, path, DIR, &["host", "guest", "access"], report);
    mapping::require(&fields, &[("host", HOST), ("guest", GUEST)], (node, path), report);
    for (name, node) in fields {
        let path = format!("{path}.{name}");
        let text = node.scalar();
        let (is_read, expected) = match name {
            "host" => (store(&mut dir.host, text.and_then(value::text).map(PathBuf::from)), HOST),
            "guest" => (store(&mut dir.guest, text.and_then(guest_path)), GUEST),
            _ => {
                (store(&mut dir.access, text.and_then(Access::from_name)), "`read` or `read-write`")
            }
        };
        if !is_read {
            report.mismatch(path, node, expected);
        } else if name == "guest"
            && let Some(first) = seen.insert(dir.guest.clone(), node.at)
        {
            report.add(path, Some(node.at), Fault::Taken { value: dir.guest.clone(), first });
        }
    }
    dir
}

/// A path as the plugin sees it, without the slash that may end it.
fn guest_path(text: &str) -> Option<String> {
    let path = value::text(text)?;
    let parts = path.strip_prefix('/')?;
    let parts = parts.strip_suffix('/').filter(|parts| !parts.is_empty()).unwrap_or(parts);
    let is_plain =
        parts.is_empty() || parts.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_plain.then(|| format!("/{parts}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_path_is_absolute_and_stays_where_it_is() {
        for (text, path) in [("/", "/"), ("/logs/", "/logs"), ("/a/..b", "/a/..b")] {
            assert_eq!(guest_path(text).as_deref(), Some(path));
        }
        for text in ["", "logs", "./logs", "/a/../b", "/..", "//", "/a//b", "/.", "/a\0"] {
            assert_eq!(guest_path(text), None, "{text}");
        }
    }

    #[test]
    fn a_variable_is_granted_by_its_name() {
        assert!(variable("API_TOKEN").is_ok());
        for text in ["", "API_TOKEN=x", "1A", "a-b", "*"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }
}
