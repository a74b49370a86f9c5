//! Collects what is wrong while a configuration is read, and where each key was set.

use std::collections::HashMap;

use super::problem::{ConfigErrors, Fault, Origin, Position, Problem};
use super::yaml::Node;

/// The problems so far.
#[derive(Debug)]
pub(super) struct Report {
    /// The file, or what stands for it.
    document: Origin,
    /// Where the value at hand comes from.
    origin: Origin,
    problems: Vec<Problem>,
    places: HashMap<&'static str, (Origin, Option<Position>)>,
}

impl Report {
    /// Starts with what is found in the document `origin`.
    pub(super) fn new(origin: Origin) -> Self {
        Self { document: origin.clone(), origin, problems: Vec::new(), places: HashMap::new() }
    }

    /// What is found from now on is found in `origin`.
    pub(super) fn enter(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Remembers that `key` is set here, for problems that show only when all keys are known.
    pub(super) fn set_at(&mut self, key: &'static str, position: Option<Position>) {
        self.places.insert(key, (self.origin.clone(), position));
    }

    /// Whether the configuration sets `key`.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    pub(super) fn add(&mut self, key: impl Into<String>, position: Option<Position>, fault: Fault) {
        let origin = self.origin.clone();
        self.problems.push(Problem { origin, position, key: key.into(), fault });
    }

    /// The value at `node` is not what `key` expects.
    pub(super) fn mismatch(&mut self, key: impl Into<String>, node: &Node, expected: &str) {
        self.mismatch_at(key, node.at, expected, node.describe());
    }

    /// Something at `at` is not what `key` expects.
    pub(super) fn mismatch_at(
        &mut self,
        key: impl Into<String>,
        at: Position,
        expected: &str,
        found: String,
    ) {
        self.add(key, Some(at), Fault::Mismatch { expected: expected.into(), found });
    }

    /// `key` contradicts another; reported where it was set.
    pub(super) fn mismatch_of_key(&mut self, key: &'static str, expected: String, found: String) {
        self.add_to_key(key, Fault::Mismatch { expected, found });
    }

    /// Reports a fault of `key` where it was set; a default counts as the document's.
    pub(super) fn add_to_key(&mut self, key: &'static str, fault: Fault) {
        let place = self.places.get(key).cloned();
        let (origin, position) = place.unwrap_or_else(|| (self.document.clone(), None));
        self.problems.push(Problem { origin, position, key: key.into(), fault });
    }

    /// `value`, if nothing is wrong with it.
    pub(super) fn finish<T>(self, value: T) -> Result<T, ConfigErrors> {
        ConfigErrors::new(self.problems).map_or(Ok(value), Err)
    }
}
