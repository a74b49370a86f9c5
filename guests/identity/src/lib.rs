//! A transform that keeps every entry: what it costs is what calling any transform costs.

use loglite_guest::{Entry, Failure, NoConfig, Transform, Verdict, export};

/// Keeps every entry.
#[derive(Debug)]
pub struct Identity;

impl Transform for Identity {
    type Config = NoConfig;

    fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn apply(&mut self, _entry: Entry<'_>) -> Verdict {
        Verdict::Keep
    }
}

export!(transform: Identity);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::TransformTest;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_entry_is_kept() {
        let mut identity = TransformTest::<Identity>::start(json!({})).unwrap();
        assert_eq!(identity.apply(r#"{"level": "INFO"}"#), Verdict::Keep);
        assert_eq!(identity.apply("no entry at all"), Verdict::Keep);
    }
}
