//! A transform that breaks the rules, each in a way that its configuration names: see the README beside it.

use faults::{Fault, Reach};
use loglite_guest::{Entry, Failure, Transform, Verdict, export};
use serde::Deserialize;

/// What `config:` holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// A fault that any plugin may have.
    fault: Option<Fault>,
    /// A fault of a transform's answers.
    answer: Option<Answer>,
    /// What to reach for: the entry is replaced by the outcomes.
    reach: Option<Reach>,
    /// Only entries that contain this text meet the fault; the others are kept.
    marker: String,
    /// Only the so-manieth entry that contains the marker meets the fault, and every so-manieth after it.
    every: Option<u64>,
    /// The fault is committed when the instance is configured.
    at_start: bool,
    /// The configuration is turned down for this reason.
    turn_down: Option<String>,
}

/// A wrong answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An entry a thousand times as large.
    Larger,
    /// A thousand entries for one.
    More,
    /// Something that is no JSON.
    Invalid,
    /// JSON, but no object.
    NoObject,
    /// A reason of a mebibyte.
    LongReason,
    /// One verdict less than entries.
    TooFew,
    /// One verdict more than entries.
    TooMany,
}

/// Keeps entries, and does its worst to some.
#[derive(Debug)]
pub struct Faulty {
    config: Config,
    met: u64,
}

impl Transform for Faulty {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Failure> {
        if let Some(reason) = &config.turn_down {
            return Err(Failure::invalid_config(reason));
        }
        if let (true, Some(fault)) = (config.at_start, &config.fault) {
            fault.commit();
        }
        Ok(Self { config, met: 0 })
    }

    fn apply(&mut self, entry: Entry<'_>) -> Verdict {
        if !self.meets(entry.text()) {
            return Verdict::Keep;
        }
        if let Some(fault) = &self.config.fault {
            fault.commit();
        }
        if let Some(reach) = &self.config.reach {
            return Verdict::split(reach.outcomes());
        }
        self.config.answer.map_or(Verdict::Keep, |answer| wrong(answer, entry.text()))
    }

    fn apply_all(&mut self, source: &str, entries: &[String]) -> Vec<Verdict> {
        let mut verdicts: Vec<Verdict> =
            entries.iter().map(|text| self.apply(Entry::new(source, text))).collect();
        let is_met = entries.iter().any(|text| text.contains(&self.config.marker));
        match self.config.answer {
            Some(Answer::TooFew) if is_met => drop(verdicts.pop()),
            Some(Answer::TooMany) if is_met => verdicts.push(Verdict::Keep),
            _ => {}
        }
        verdicts
    }
}

impl Faulty {
    /// Whether this entry is one of those that the configuration means.
    fn meets(&mut self, text: &str) -> bool {
        if self.config.at_start || !text.contains(&self.config.marker) {
            return false;
        }
        self.met += 1;
        self.config.every.is_none_or(|every| self.met.is_multiple_of(every))
    }
}

fn wrong(answer: Answer, text: &str) -> Verdict {
    match answer {
        Answer::Larger => {
            Verdict::replace(&serde_json::json!({"message": "x".repeat(text.len() * 1000)}))
        }
        Answer::More => Verdict::Split(vec![text.to_owned(); 1000]),
        Answer::Invalid => Verdict::Replace("{no JSON".to_owned()),
        Answer::NoObject => Verdict::Replace("[1, 2]".to_owned()),
        Answer::LongReason => Verdict::refuse("no ".repeat(1 << 20)),
        Answer::TooFew | Answer::TooMany => Verdict::Keep,
    }
}

export!(transform: Faulty);

#[cfg(test)]
mod tests {
    use loglite_guest::testing::TransformTest;
    use serde_json::{Value, json};

    use super::*;

    fn faulty(config: Value) -> TransformTest<Faulty> {
        TransformTest::start(config).unwrap()
    }

    #[test]
    fn an_entry_without_the_marker_is_kept() {
        let mut faulty = faulty(json!({"fault": "trap", "marker": "poison"}));
        assert_eq!(faulty.apply("{}"), Verdict::Keep);
    }

    #[test]
    #[should_panic(expected = "as configured")]
    fn an_entry_with_the_marker_meets_the_fault() {
        faulty(json!({"fault": "trap", "marker": "poison"})).apply(r#"{"message": "poison"}"#);
    }

    #[test]
    fn only_every_nth_entry_meets_the_fault() {
        let mut faulty = faulty(json!({"answer": "invalid", "every": 3}));
        let kept: Vec<bool> = (0..6).map(|_| faulty.apply("{}") == Verdict::Keep).collect();
        assert_eq!(kept, [true, true, false, true, true, false]);
    }

    #[test]
    fn the_number_of_verdicts_is_wrong_as_configured() {
        let entries = vec!["{}".to_owned(); 3];
        assert_eq!(faulty(json!({"answer": "too-few"})).apply_all("http", &entries).len(), 2);
        assert_eq!(faulty(json!({"answer": "too-many"})).apply_all("http", &entries).len(), 4);
    }

    #[test]
    fn an_entry_grows_a_thousandfold() {
        let verdict = faulty(json!({"answer": "larger"})).apply(r#"{"message": "hello"}"#);
        assert!(matches!(verdict, Verdict::Replace(text) if text.len() >= 20_000));
    }

    #[test]
    fn a_configuration_is_turned_down_as_configured() {
        let failure = TransformTest::<Faulty>::start(json!({"turn_down": "no"})).unwrap_err();
        assert_eq!(failure, Failure::InvalidConfig("no".to_owned()));
    }
}
