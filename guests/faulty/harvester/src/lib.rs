//! A harvester that breaks the rules, each in a way that its configuration names, or counts: see the README beside it.

use std::time::Duration;

use faults::{Fault, Reach};
use loglite_guest::{Checkpoint, Failure, Harvest, Harvester, export};
use serde::Deserialize;
use serde_json::json;

/// What `config:` holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is ingested before anything else.
    ingest: Option<Ingest>,
    /// What to reach for: the outcomes are ingested.
    reach: Option<Reach>,
    /// A fault that any plugin may have.
    fault: Option<Fault>,
    /// How `run` ends: `return`, `fail`, or `wait` until the service stops (the default).
    end: End,
    /// The configuration is turned down for this reason.
    turn_down: Option<String>,
}

/// What is ingested.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    what: What,
    /// Entries per call.
    batch: usize,
    /// How many calls; for ever if there is none.
    calls: Option<u64>,
    /// Milliseconds between two calls.
    pause_ms: u64,
}

/// The kind of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Entries with a rising `number`, and the next number as checkpoint: it goes on where it was.
    #[default]
    Count,
    /// The same without a checkpoint: it starts at 0.
    Forget,
    /// Texts that are no JSON.
    Invalid,
    /// Entries of a mebibyte.
    Megabyte,
}

/// How `run` ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It waits until the service stops.
    #[default]
    Wait,
    /// It returns at once.
    Return,
    /// It fails at once.
    Fail,
    /// It neither returns nor does anything when the service stops.
    Ignore,
}

/// Does what its configuration names.
#[derive(Debug)]
pub struct Faulty(Config);

impl Harvester for Faulty {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        match config.turn_down {
            Some(reason) => Err(Failure::invalid_config(reason)),
            None => Ok(Self(config)),
        }
    }

    fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
        if let Some(ingest) = &self.0.ingest {
            ingest.run(harvest)?;
        }
        if let Some(reach) = &self.0.reach {
            harvest.ingest(&reach.outcomes(), Checkpoint::unchanged())?;
        }
        if let Some(fault) = &self.0.fault {
            fault.commit();
        }
        match self.0.end {
            End::Wait => while !harvest.sleep(Duration::from_secs(3600)) {},
            End::Ignore => loop {
                let _stopping = harvest.sleep(Duration::from_secs(3600));
            },
            End::Return => {}
            End::Fail => return Err(Failure::failed("the faulty harvester fails, as configured")),
        }
        Ok(())
    }
}

impl Ingest {
    fn run(&self, harvest: &Harvest) -> Result<(), Failure> {
        let is_counting = self.what == What::Count;
        let mut next = if is_counting { harvest.last_checkpoint()?.unwrap_or(0) } else { 0_u64 };
        let batch = self.batch.max(1);
        for _ in 0..self.calls.unwrap_or(u64::MAX) {
            let texts: Vec<String> = (next..).take(batch).map(|number| self.text(number)).collect();
            next = next.saturating_add(u64::try_from(batch)?);
            let checkpoint =
                if is_counting { Checkpoint::of(&next)? } else { Checkpoint::unchanged() };
            harvest.ingest_text(&texts, checkpoint)?;
            if self.pause_ms > 0 && harvest.sleep(Duration::from_millis(self.pause_ms)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn text(&self, number: u64) -> String {
        match self.what {
            What::Count | What::Forget => {
                json!({"level": "INFO", "service": "faulty", "message": number.to_string()})
                    .to_string()
            }
            What::Invalid => format!("{{no JSON {number}"),
            What::Megabyte => json!({"message": "x".repeat(1 << 20)}).to_string(),
        }
    }
}

export!(harvester: Faulty);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::Host;
    use serde_json::Value;

    use super::*;

    fn messages(host: &Host) -> Vec<Value> {
        host.entries().into_iter().map(|mut entry| entry["message"].take()).collect()
    }

    #[test]
    fn it_counts_on_from_its_checkpoint() {
        let host = Host::new();
        host.start_at(&5);

        host.harvest::<Faulty>(json!({"ingest": {"batch": 2, "calls": 2}})).unwrap();

        assert_eq!(messages(&host), ["5", "6", "7", "8"]);
        assert_eq!(host.checkpoint(), Some(9));
    }

    #[test]
    fn it_stops_while_it_pauses() {
        let host = Host::new();
        host.harvest::<Faulty>(json!({"ingest": {"pause_ms": 10}})).unwrap();
        assert_eq!(messages(&host), ["0"]);
    }

    #[test]
    fn invalid_json_is_handed_over_as_it_is() {
        let host = Host::new();
        host.harvest::<Faulty>(json!({"ingest": {"what": "invalid", "calls": 3}})).unwrap();
        assert_eq!(host.calls(), [1, 1, 1]);
        assert!(host.texts().is_empty());
    }

    #[test]
    fn outcomes_of_reaching_out_become_entries() {
        let host = Host::new();
        host.harvest::<Faulty>(json!({"reach": {"urls": ["http://nowhere"]}})).unwrap();
        assert_eq!(host.entries()[0]["what"], "url");
        assert!(host.entries()[0]["error"].as_str().unwrap().contains("Denied"));
    }

    #[test]
    fn it_ends_as_configured() {
        let host = Host::new();
        assert!(host.harvest::<Faulty>(json!({"end": "return"})).is_ok());
        assert!(host.harvest::<Faulty>(json!({"end": "fail"})).is_err());
    }
}
