//! What is done to every entry, whatever its format: times are read, fields renamed and added.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::clock::Clock;
use super::json_string::key;
use super::trouble::Trouble;
use crate::config::LineConfig;

/// How many added fields are watched for in entries; a bit each.
const WATCHED: usize = 64;

/// What is done to entries.
#[derive(Debug)]
pub(super) struct Shape {
    /// Fields that something is done with. All others stay as they are.
    roles: HashMap<String, Role>,
    pub(super) additions: Vec<Addition>,
    /// Where an entry is from.
    pub(super) origin: Option<Addition>,
    clock: Option<(String, Clock)>,
    /// Where a time goes that was read.
    pub(super) time: Addition,
    pub(super) timestamp_column: String,
    harvester: String,
    trouble: Trouble,
}

/// What is done with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    /// What it is called in the end.
    pub(super) name: String,
    /// The same as the begin of a member: `"name":`.
    pub(super) key: String,
    /// Whether the time stands in it.
    pub(super) is_time: bool,
    /// Set in what an entry has, when it is among what is added.
    pub(super) bit: u64,
}

/// A field that entries get if they lack it.
#[derive(Debug)]
pub(super) struct Addition {
    /// `"name":`, and the value behind it if it is always the same.
    pub(super) json: String,
    /// Set in what an entry has, when it has it already. 0: it is not watched for.
    pub(super) bit: u64,
}

impl Shape {
    pub(super) fn new(config: &LineConfig, timestamp_column: &str) -> Self {
        let mut watched = HashMap::new();
        let origin = config.origin_column.as_ref().map(|column| {
            let bit = watch(&mut watched, column);
            Addition { json: key(column), bit }
        });
        let constant = |(field, value): (&String, &Value)| {
            let name = renamed(config, field);
            let bit = watch(&mut watched, name);
            Addition { json: format!("{}{value}", key(name)), bit }
        };
        let additions = config.fields.iter().map(constant).collect();
        let bit = watched.get(timestamp_column).copied().unwrap_or_default();
        let time = Addition { json: key(timestamp_column), bit };
        Self {
            roles: roles(config, &watched),
            additions,
            origin,
            clock: config.timestamp.as_ref().map(|time| (time.field.clone(), Clock::new(time))),
            time,
            timestamp_column: timestamp_column.into(),
            harvester: String::new(),
            trouble: Trouble::default(),
        }
    }

    pub(super) fn of_harvester(&mut self, name: &str) {
        name.clone_into(&mut self.harvester);
    }

    /// Whether entries stay as they are.
    pub(super) fn is_none(&self) -> bool {
        self.roles.is_empty() && self.additions.is_empty() && self.origin.is_none()
    }

    /// What is done with this field, if anything.
    pub(super) fn role(&self, field: &str) -> Option<&Role> {
        self.roles.get(field)
    }

    /// The bit of what is added under this name.
    pub(super) fn bit_of(&self, name: &str) -> u64 {
        self.role(name).filter(|role| role.name == name).map_or(0, |role| role.bit)
    }

    /// What is done with a field that all entries have.
    pub(super) fn role_of(&self, field: &str) -> Role {
        self.role(field).cloned().unwrap_or_else(|| Role {
            name: field.into(),
            key: key(field),
            is_time: false,
            bit: 0,
        })
    }

    /// The time that a field holds; what can't be read is told of.
    pub(super) fn read_time(&self, text: &str) -> Option<Timestamp> {
        let (field, clock) = self.clock.as_ref()?;
        let time = clock.read(text);
        if time.is_none() {
            self.trouble.note(&self.harvester, field);
        }
        time
    }
}

/// The bit of a field that is added: one for each name, as long as there are any.
fn watch(watched: &mut HashMap<String, u64>, name: &str) -> u64 {
    let place = watched.len();
    let free = if place < WATCHED { 1 << place } else { 0 };
    *watched.entry(name.to_owned()).or_insert(free)
}

/// What a field is called in the end.
fn renamed<'a>(config: &'a LineConfig, field: &'a str) -> &'a str {
    let mapped = config.columns.iter().find(|(from, _)| from == field);
    mapped.map_or(field, |(_, column)| column)
}

fn roles(config: &LineConfig, watched: &HashMap<String, u64>) -> HashMap<String, Role> {
    let time = config.timestamp.as_ref().map(|time| time.field.as_str());
    let mapped = config.columns.iter().map(|(from, _)| from.as_str());
    let fields = time.into_iter().chain(mapped).chain(watched.keys().map(String::as_str));
    let role = |field: &str| {
        let name = renamed(config, field);
        Role {
            name: name.into(),
            key: key(name),
            is_time: time == Some(field),
            bit: watched.get(name).copied().unwrap_or_default(),
        }
    };
    fields.map(|field| (field.to_owned(), role(field))).collect()
}
