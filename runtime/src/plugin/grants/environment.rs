//! The environment variables that a plugin sees.

use std::fmt;

/// Granted names and their values. The values may be secrets: they are not shown.
#[derive(Clone, Default)]
pub(in crate::plugin) struct Environment(Vec<(String, String)>);

impl Environment {
    /// Looks the names up in loglite's own environment. One that is not set, or no text, is left out and told in the
    /// log.
    pub(in crate::plugin) fn new(plugin: &str, names: &[String]) -> Self {
        let variables = names.iter().filter_map(|name| match std::env::var(name) {
            Ok(value) => Some((name.clone(), value)),
            Err(error) => {
                tracing::warn!(plugin, variable = %name, %error, "granted by `grant.env`, but not there");
                None
            }
        });
        Self(variables.collect())
    }

    /// Names and values.
    pub(in crate::plugin) fn variables(&self) -> &[(String, String)] {
        &self.0
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_granted_names_are_seen_and_no_value_is_shown() {
        let names = ["PATH".to_owned(), "LOGLITE_NO_SUCH_VARIABLE".to_owned()];
        let environment = Environment::new("x", &names);
        let seen: Vec<_> = environment.variables().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(seen, ["PATH"]);
        assert_eq!(format!("{environment:?}"), "[\"PATH\"]");
    }
}
