//! A fingerprint of a migration's text, to notice that it was changed after it was applied.

use crate::config::Migration;
use crate::domain::fingerprint;

/// The fingerprint of what a rollout runs. White space around its items does not count: it is a matter of YAML.
/// The rollback does not count either: correcting it changes nothing that was applied.
pub(super) fn checksum(migration: &Migration) -> String {
    // A zero byte after each item keeps `[ab]` and `[a, b]` apart.
    let bytes = migration.rollout.iter().flat_map(|item| item.trim().bytes().chain([0]));
    format!("{:016x}", fingerprint(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rollout: &[&str]) -> String {
        let rollout = rollout.iter().map(|item| (*item).to_owned()).collect();
        checksum(&Migration { version: 1, rollout, rollback: Vec::new() })
    }

    #[test]
    fn only_the_text_of_the_statements_counts() {
        assert_eq!(of(&["SELECT 1;\n", "SELECT 2"]), of(&["SELECT 1;", " SELECT 2"]));
        assert_ne!(of(&["SELECT 1"]), of(&["SELECT 2"]));
        assert_ne!(of(&["ab"]), of(&["a", "b"]));
    }
}
