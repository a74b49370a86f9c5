//! Regular expressions: compiled where they are read, so that the engine's reason is told with their place.

use regex::Regex;

use super::super::Pattern;
use super::super::report::Report;
use super::super::yaml::Node;

pub(super) const WITH_NAMES: &str =
    "a regular expression with named groups, such as `^(?<level>\\w+) (?<message>.*)$`";

/// A regular expression with a named group.
pub(super) fn with_names(node: &Node, path: &str, report: &mut Report) -> Option<Pattern> {
    let pattern = read(node, WITH_NAMES, path, report)?;
    if pattern.0.capture_names().flatten().next().is_none() {
        report.mismatch(path, node, WITH_NAMES);
        return None;
    }
    Some(pattern)
}

/// A regular expression.
pub(super) fn read(
    node: &Node,
    expected: &str,
    path: &str,
    report: &mut Report,
) -> Option<Pattern> {
    let Some(text) = node.scalar().filter(|text| !text.is_empty()) else {
        report.mismatch(path, node, expected);
        return None;
    };
    match Regex::new(text) {
        Ok(regex) => Some(Pattern(regex)),
        Err(error) => {
            let cause = cause_of(&error);
            report.mismatch(path, node, &format!("a regular expression ({cause})"));
            None
        }
    }
}

/// The engine's reason in one line; what stands before it is the expression with a mark under it.
fn cause_of(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}
