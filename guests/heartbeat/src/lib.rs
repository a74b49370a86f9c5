//! A harvester that brings in one entry per interval: a sign of life, and the smallest harvester there is.

use std::time::Duration;

use loglite_guest::{Checkpoint, Failure, Harvest, Harvester, export};
use serde::{Deserialize, Serialize};

/// What `config:` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seconds between two entries; fractions are fine.
    interval: f64,
    /// What the entries' `service` says.
    service: String,
    /// What the entries' `message` says.
    #[serde(default = "default_message")]
    message: String,
}

/// Brings in one entry per interval.
#[derive(Debug)]
pub struct Heartbeat {
    interval: Duration,
    service: String,
    message: String,
}

/// An entry. loglite adds the timestamp.
#[derive(Debug, Serialize)]
struct Beat<'a> {
    level: &'static str,
    service: &'a str,
    message: &'a str,
}

impl Harvester for Heartbeat {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        let interval = Duration::try_from_secs_f64(config.interval)
            .ok()
            .filter(|interval| *interval >= Duration::from_millis(1))
            .ok_or_else(|| Failure::invalid_config("`interval` must be at least 0.001 seconds"))?;
        Ok(Self { interval, service: config.service, message: config.message })
    }

    fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
        let beat = Beat { level: "INFO", service: &self.service, message: &self.message };
        loop {
            harvest.ingest(&[&beat], Checkpoint::unchanged())?;
            if harvest.sleep(self.interval) {
                return Ok(());
            }
        }
    }
}

fn default_message() -> String {
    "alive".to_owned()
}

export!(harvester: Heartbeat);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::Host;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_comes_at_once_and_after_each_interval() {
        let host = Host::new();
        host.stop_after(2);

        host.harvest::<Heartbeat>(json!({"interval": 2.5, "service": "shop"})).unwrap();

        let beat = json!({"level": "INFO", "service": "shop", "message": "alive"});
        assert_eq!(host.entries(), [beat.clone(), beat]);
        assert_eq!(host.sleeps(), [Duration::from_millis(2500); 2]);
    }

    #[test]
    fn an_interval_that_would_never_pass_time_is_refused() {
        for interval in [0.0, -1.0, 0.0001] {
            let config = json!({"interval": interval, "service": "shop"});
            let failure = Host::new().harvest::<Heartbeat>(config).unwrap_err();
            assert!(matches!(failure, Failure::InvalidConfig(text) if text.contains("`interval`")));
        }
    }
}
