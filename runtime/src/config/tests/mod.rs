//! Tests of reading whole configurations.

mod accepted;
mod examples;
mod harvesters;
mod harvesters_rejected;
mod plugins;
mod plugins_rejected;
mod rejected;

use super::problem::Origin;
use super::{Config, ConfigErrors};

const MIGRATIONS: &str = "migrations:\n  - version: 1\n    rollout: [CREATE TABLE Log (x)]\n";

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Config::parse(Origin::File("c.yaml".into()), text, variables)
}

/// Reads `text` with a migration behind it.
fn parse_keys(text: &str) -> Result<Config, ConfigErrors> {
    parse(&format!("{text}\n{MIGRATIONS}"), &[])
}

fn accept(text: &str) -> Config {
    parse_keys(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// Reads `text` with a migration behind it and compares the messages, each without the file's name.
#[track_caller]
fn check(text: &str, messages: &[&str]) {
    let errors = parse_keys(text).expect_err(text).to_string();
    let found: Vec<_> =
        errors.lines().map(|line| line.strip_prefix("c.yaml:").unwrap_or(line)).collect();
    assert_eq!(found, messages, "{text}");
}
