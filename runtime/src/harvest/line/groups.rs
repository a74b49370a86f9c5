//! Lines whose fields are the named groups of an expression.

use std::sync::{Mutex, PoisonError};

use regex::{CaptureLocations, Regex};

use super::entry::{EntryWriter, FieldValue};
use super::shape::{Role, Shape};

/// An expression, and what is done with its groups.
#[derive(Debug)]
pub(super) struct Groups {
    expression: Regex,
    /// The named groups: their numbers, and what is done with them.
    roles: Vec<(usize, Role)>,
    /// Places to note where groups are, so that a line needs no new one. There are as many as there were readers at once.
    idle: Mutex<Vec<CaptureLocations>>,
}

impl Groups {
    pub(super) fn new(expression: &Regex, shape: &Shape) -> Self {
        let names = expression.capture_names().enumerate();
        Self {
            expression: expression.clone(),
            roles: names.filter_map(|(at, name)| Some((at, shape.role_of(name?)))).collect(),
            idle: Mutex::default(),
        }
    }

    /// Writes the groups that take part in the match as fields. Returns whether the line matches.
    pub(super) fn read(&self, line: &str, entry: &mut EntryWriter<'_, '_>) -> bool {
        let idle = self.lock().pop();
        let mut places = idle.unwrap_or_else(|| self.expression.capture_locations());
        let is_match = self.expression.captures_read(&mut places, line).is_some();
        if is_match {
            for (number, role) in &self.roles {
                let group = places.get(*number).and_then(|(start, end)| line.get(start..end));
                if let Some(text) = group {
                    entry.known(role, FieldValue::Text(text));
                }
            }
        }
        self.lock().push(places);
        is_match
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<CaptureLocations>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
