//! Tells the operator, once per plugin and target, what a plugin was denied and which grant would allow it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::metrics::PluginMetrics;

/// A plugin that makes up targets must not fill memory or log.
const MAX_TARGETS: usize = 100;

/// What one plugin was denied so far.
#[derive(Debug)]
pub(in crate::plugin) struct Denials {
    plugin: PluginMetrics,
    told: Mutex<HashSet<String>>,
}

impl Denials {
    pub(in crate::plugin) fn new(plugin: PluginMetrics) -> Self {
        Self { plugin, told: Mutex::default() }
    }

    /// For tests of what denies.
    #[cfg(test)]
    pub(super) fn of_nobody() -> Self {
        Self::new(PluginMetrics::of_nobody())
    }

    /// `wanted` is what the plugin tried, `remedy` what would allow it.
    pub(super) fn tell(&self, wanted: &str, remedy: &str) {
        self.plugin.denials.inc();
        match self.note(wanted) {
            Some(count) if count < MAX_TARGETS => {
                tracing::warn!(plugin = self.plugin.name(), wanted, "denied: {remedy}");
            }
            Some(_) => {
                let plugin = self.plugin.name();
                tracing::warn!(
                    plugin,
                    wanted,
                    "denied, as will be others that are not told any more: {remedy}"
                );
            }
            None => {}
        }
    }

    /// How many targets there are, if this one is new and is to be told.
    fn note(&self, wanted: &str) -> Option<usize> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.len() < MAX_TARGETS && told.insert(wanted.to_owned());
        is_new.then_some(told.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_told_once_and_no_more_than_a_hundred_are() {
        let denials = Denials::of_nobody();
        assert_eq!(denials.note("TCP to a:1"), Some(1));
        assert_eq!(denials.note("TCP to a:1"), None);
        let told = (0..1_000).filter(|n| denials.note(&n.to_string()).is_some()).count();
        assert_eq!(told, MAX_TARGETS - 1);
    }
}
