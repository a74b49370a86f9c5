//! A transform that drops entries below a level, which may differ from service to service.

mod fields;
mod level;

use std::collections::HashMap;

use loglite_guest::{Entry, Failure, Transform, Verdict, export};
use serde::Deserialize;
use serde::de::DeserializeSeed;

use self::fields::{Fields, Names};
use self::level::Level;

/// What `config:` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Entries below this level are dropped, unless their service has a level of its own.
    level: Level,
    /// The levels of services.
    #[serde(default)]
    services: HashMap<String, Level>,
    /// The field that holds an entry's level.
    #[serde(default = "level_field")]
    level_field: String,
    /// The field that holds an entry's service.
    #[serde(default = "service_field")]
    service_field: String,
}

/// Drops entries below a level.
#[derive(Debug)]
pub struct DropBelow(Config);

impl Transform for DropBelow {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        Ok(Self(config))
    }

    /// An entry whose level is missing or unknown is kept: it is better to store too much than too little.
    fn apply(&mut self, entry: Entry<'_>) -> Verdict {
        let names = Names { level: &self.0.level_field, service: &self.0.service_field };
        let mut json = serde_json::Deserializer::from_str(entry.text());
        let Ok(Fields { level, service }) = names.deserialize(&mut json) else {
            return Verdict::Keep;
        };
        let least = service.and_then(|service| self.0.services.get(service.as_ref()));
        match level {
            Some(level) if level < *least.unwrap_or(&self.0.level) => Verdict::Drop,
            _ => Verdict::Keep,
        }
    }
}

fn level_field() -> String {
    "level".to_owned()
}

fn service_field() -> String {
    "service".to_owned()
}

export!(transform: DropBelow);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::TransformTest;
    use serde_json::{Value, json};

    use super::*;

    fn is_dropped(config: Value, text: &str) -> bool {
        let mut drop_below = TransformTest::<DropBelow>::start(config).unwrap();
        drop_below.apply(text) == Verdict::Drop
    }

    #[test]
    fn entries_below_the_level_are_dropped_and_others_kept() {
        let config = json!({"level": "warning"});
        assert!(is_dropped(config.clone(), r#"{"level": "INFO"}"#));
        assert!(!is_dropped(config.clone(), r#"{"level": "Warn"}"#));
        assert!(!is_dropped(config, r#"{"level": "ERROR"}"#));
    }

    #[test]
    fn a_service_may_have_a_level_of_its_own() {
        let config = json!({"level": "warn", "services": {"shop": "debug", "cron": "error"}});
        assert!(!is_dropped(config.clone(), r#"{"service": "shop", "level": "DEBUG"}"#));
        assert!(is_dropped(config.clone(), r#"{"service": "cron", "level": "WARN"}"#));
        assert!(is_dropped(config, r#"{"service": "mail", "level": "INFO"}"#));
    }

    #[test]
    fn levels_may_be_numbers() {
        let config = json!({"level": "warn"});
        assert!(is_dropped(config.clone(), r#"{"level": 30}"#));
        assert!(!is_dropped(config, r#"{"level": 50}"#));
    }

    #[test]
    fn an_entry_without_a_known_level_is_kept() {
        for text in ["{}", r#"{"level": "loud"}"#, r#"{"level": null}"#, r#"{"level": {}}"#, "[]"] {
            assert!(!is_dropped(json!({"level": "fatal"}), text), "{text}");
        }
    }

    #[test]
    fn the_fields_may_be_called_otherwise() {
        let config = json!({
            "level": "warn", "services": {"shop": "info"},
            "level_field": "severity", "service_field": "app"
        });
        assert!(is_dropped(config.clone(), r#"{"severity": "info", "level": "error"}"#));
        assert!(!is_dropped(config, r#"{"severity": "info", "app": "shop"}"#));
    }

    #[test]
    fn an_unknown_level_in_the_configuration_is_named() {
        let config = json!({"level": "info", "services": {"shop": "loud"}});
        let failure = TransformTest::<DropBelow>::start(config).unwrap_err();
        assert!(
            failure.to_string().starts_with("`services.shop`: unknown level `loud`"),
            "{failure}"
        );
    }
}
