//! A fingerprint of a migration's text, to notice that it was changed after it was applied.

use crate::config::Migration;

/// FNV-1a, 64 bits: offset basis and prime of <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The fingerprint of what a rollout runs. White space around its items does not count: it is a matter of YAML.
/// The rollback does not count either: correcting it changes nothing that was applied.
pub(super) fn checksum(migration: &Migration) -> String {
    let mut hash = OFFSET_BASIS;
    for item in &migration.rollout {
        // A zero byte after each item keeps `[ab]` and `[a, b]` apart.
        hash = item.trim().bytes().chain([0]).fold(hash, step);
    }
    format!("{hash:016x}")
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(PRIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rollout: &[&str]) -> String {
        let rollout = rollout.iter().map(|item| (*item).to_owned()).collect();
        checksum(&Migration { version: 1, rollout, rollback: Vec::new() })
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!("foobar".bytes().fold(OFFSET_BASIS, step), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn only_the_text_of_the_statements_counts() {
        assert_eq!(of(&["SELECT 1;\n", "SELECT 2"]), of(&["SELECT 1;", " SELECT 2"]));
        assert_ne!(of(&["SELECT 1"]), of(&["SELECT 2"]));
        assert_ne!(of(&["ab"]), of(&["a", "b"]));
    }
}
