//! From a plugin's `config:` to its type.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

/// The configuration of a plugin that has none. A `config:` with keys is refused.
///
/// ```
/// # use loglite_guest::NoConfig;
/// assert!(serde_json::from_str::<NoConfig>("{}").is_ok());
/// assert!(serde_json::from_str::<NoConfig>(r#"{"interval": 5}"#).is_err());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Reads the configuration; a failure names the key.
pub(crate) fn read<C: DeserializeOwned>(text: &str) -> Result<C, Failure> {
    let json = &mut serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(json).map_err(|err| {
        let path = err.path().to_string();
        let full = err.inner().to_string();
        // The position is one in the JSON that loglite made of the YAML: it would mislead.
        let reason = full.split(" at line ").next().unwrap_or(&full);
        if path == "." {
            Failure::invalid_config(reason)
        } else {
            Failure::invalid_config(format_args!("`{path}`: {reason}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[expect(dead_code, reason = "only reading it matters here")]
        interval: u32,
    }

    fn complaint(text: &str) -> String {
        read::<Config>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_by_its_key() {
        assert_eq!(
            complaint(r#"{"interval": "often"}"#),
            "`interval`: invalid type: string \"often\", expected u32"
        );
    }

    #[test]
    fn a_missing_key_is_named_without_a_position() {
        assert_eq!(complaint("{}"), "missing field `interval`");
    }

    #[test]
    fn an_unknown_key_is_named() {
        assert!(complaint(r#"{"interval": 1, "intervall": 2}"#).contains("`intervall`"));
    }
}
