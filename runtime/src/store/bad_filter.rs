//! A filter that names a column which the log table does not have.

use crate::domain::FilterError;

/// A filter that does not fit the log table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{whose} `{text}` does not fit the table: {cause}")]
pub struct BadFilter {
    /// Where it is from, such as `retention[0].where` of the configuration.
    pub whose: String,
    /// Its text.
    pub text: String,
    /// What is wrong with it.
    pub cause: FilterError,
}
