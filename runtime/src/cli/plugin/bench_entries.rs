//! Entries to measure a transform with: those of a file, or made ones that look like a web service's.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use super::line::one_line;

/// Different enough that nothing is served from a branch predictor's memory, few enough to fit a cache.
const MADE: u64 = 1_024;

/// The entries of a file, one JSON object per line.
///
/// # Errors
/// When it can't be read, or a line is no entry.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<String>> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entries: Vec<_> = lines
        .map(|(index, line)| match one_line(line) {
            Ok(entry) => Ok(entry.into_owned()),
            Err(reason) => anyhow::bail!("{name}, line {}: {reason}", index + 1),
        })
        .collect::<Result<_, _>>()?;
    anyhow::ensure!(!entries.is_empty(), "{name} holds no entries");
    Ok(entries)
}

/// Entries of about 330 bytes, the same at every call.
pub(super) fn make() -> Vec<String> {
    (0..MADE).map(entry).collect()
}

fn entry(n: u64) -> String {
    const LEVELS: [&str; 8] = ["INFO", "INFO", "DEBUG", "INFO", "WARNING", "INFO", "ERROR", "INFO"];
    const SERVICES: [&str; 5] = ["checkout", "billing", "catalogue", "accounts", "shipping"];
    let pick = |list: &[&'static str]| {
        let index = usize::try_from(mixed(n) % list.len() as u64).unwrap_or(0);
        list.get(index).copied().unwrap_or_default()
    };
    let random = mixed(n);
    let entry = json!({
        "timestamp": format!("2026-01-02T{:02}:{:02}:{:02}.{:03}Z", n / 60 % 24, n % 60, random % 60, random % 1_000),
        "level": pick(&LEVELS),
        "service": pick(&SERVICES),
        "host": format!("node-{:02}.example.internal", random % 24),
        "message": format!("GET /api/v1/items/{} answered {} in {} ms", random % 100_000, 200 + n % 5, random % 900),
        "request_id": format!("{random:016x}{:016x}", mixed(random)),
        "user": format!("user-{:06}", random % 1_000_000),
        "attributes": {"bytes": random % 65_536, "cache": n.is_multiple_of(3), "region": "eu-central-1", "version": "2026.01.2"},
    });
    entry.to_string()
}

/// A number that looks random (SplitMix64's output function).
fn mixed(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_entries_are_objects_of_about_330_bytes() {
        let entries = make();
        assert!(entries.iter().all(|entry| one_line(entry).is_ok()));
        let bytes: usize = entries.iter().map(String::len).sum();
        let mean = bytes / entries.len();
        assert!((320..=340).contains(&mean), "{mean}");
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "{}\n\n[]\n").expect("writable");
        let error = read(file.path()).expect_err("a list").to_string();
        assert!(error.contains("line 3: it is not a JSON object"), "{error}");
    }
}
