//! A harvester for the benchmark: it hands over the entries of a file again and again, as fast as they are taken.

use std::fs;

use loglite_guest::{Checkpoint, Failure, Harvest, Harvester, export};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Entries of one call.
const BATCH: usize = 256;
/// Calls before the entries come again.
const BATCHES: usize = 4;

/// What `config:` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A file with a JSON array of entries.
    entries: String,
}

/// Hands over entries without end.
#[derive(Debug)]
pub struct Flood {
    batches: Vec<Vec<String>>,
}

impl Harvester for Flood {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        let path = &config.entries;
        let failed = |error: &dyn std::fmt::Display| {
            Failure::invalid_config(format!("`entries`: {path}: {error}"))
        };
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        let entries: Vec<&RawValue> =
            serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let texts = entries.iter().cycle().map(|entry| entry.get().to_owned());
        let all: Vec<_> = texts.take(BATCH * BATCHES).collect();
        Ok(Self { batches: all.chunks(BATCH).map(<[String]>::to_vec).collect() })
    }

    fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
        loop {
            for batch in &self.batches {
                if harvest.stopping() {
                    return Ok(());
                }
                harvest.ingest_text(batch, Checkpoint::unchanged())?;
            }
        }
    }
}

export!(harvester: Flood);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::Host;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let failure = Host::new().harvest::<Flood>(json!({"entries": "nowhere.json"})).unwrap_err();
        assert!(matches!(failure, Failure::InvalidConfig(text) if text.contains("nowhere.json")));
    }
}
