//! The rules of `retention` with their filters on the columns of the log table.

use std::time::Duration;

use super::BadFilter;
use crate::config::RetentionRule;
use crate::domain::{Filter, Schema};

/// A rule whose filter fits the table.
#[derive(Debug, Clone)]
pub(super) struct AgedFilter {
    /// All of them must hold.
    pub(super) filters: Vec<Filter>,
    /// The age at which a row is deleted that passes them.
    pub(super) max_age: Duration,
}

/// Reads the rules' filters for this table.
///
/// # Errors
/// [`BadFilter`] for the first one that names a column which the table does not have.
pub(super) fn resolve(
    schema: &Schema,
    rules: &[RetentionRule],
) -> Result<Vec<AgedFilter>, BadFilter> {
    let rules = rules.iter().enumerate().map(|(at, rule)| {
        let filters = rule.filter.resolve(schema).map_err(|cause| BadFilter {
            whose: format!("`retention[{at}].where`, the filter"),
            text: rule.filter.as_str().to_owned(),
            cause,
        })?;
        Ok(AgedFilter { filters, max_age: rule.max_age })
    });
    rules.collect()
}
