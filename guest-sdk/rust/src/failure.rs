//! Why a plugin gives up.

use std::error::Error;
use std::fmt;

use crate::harvest::IngestError;

/// Why a plugin gives up. loglite writes the text to its log, with the plugin's name in front.
///
/// Any error becomes a failure through `?`; an ingestion that ended because the service stops becomes
/// [`Failure::Stopping`].
///
/// ```
/// # use loglite_guest::Failure;
/// fn port(text: &str) -> Result<u16, Failure> {
///     Ok(text.parse::<u16>()?)
/// }
/// assert_eq!(port("http").unwrap_err().to_string(), "invalid digit found in string");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The plugin's `config:` can't be used. It is not started again before the configuration or the component has
    /// changed.
    InvalidConfig(String),
    /// Something else is wrong. The plugin is started again after a pause that grows from failure to failure.
    Failed(String),
    /// None at all: the service is stopping, and so is the plugin.
    Stopping,
}

impl Failure {
    /// The configuration is unusable. The text should name the key and what was expected of it.
    ///
    /// ```
    /// # use loglite_guest::Failure;
    /// let failure = Failure::invalid_config("`interval` must be at least 1");
    /// assert_eq!(failure.to_string(), "`interval` must be at least 1");
    /// ```
    #[must_use]
    pub fn invalid_config(reason: impl fmt::Display) -> Self {
        Self::InvalidConfig(reason.to_string())
    }

    /// Something that another start may overcome.
    ///
    /// ```
    /// # use loglite_guest::Failure;
    /// let failure = Failure::failed("the server speaks another protocol");
    /// assert!(matches!(failure, Failure::Failed(_)));
    /// ```
    #[must_use]
    pub fn failed(reason: impl fmt::Display) -> Self {
        Self::Failed(reason.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidConfig(reason) | Self::Failed(reason) => f.write_str(reason),
            Self::Stopping => f.write_str("the service is stopping"),
        }
    }
}

/// `Failure` is no `Error` itself, so that this covers every error there is.
impl<E: Error + 'static> From<E> for Failure {
    fn from(err: E) -> Self {
        let shown: &(dyn Error + 'static) = &err;
        if matches!(shown.downcast_ref(), Some(IngestError::Stopping)) {
            return Self::Stopping;
        }
        Self::Failed(with_causes(shown))
    }
}

/// The error's text and those of its causes.
fn with_causes(err: &dyn Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ingestion_that_was_stopped_is_no_failure() {
        assert_eq!(Failure::from(IngestError::Stopping), Failure::Stopping);
    }

    #[test]
    fn a_failure_tells_the_causes_of_an_error() {
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        let failure = Failure::from(IngestError::Unwritable { index: 3, source: json });
        assert!(
            failure.to_string().starts_with("entry 3 can't be written as JSON: expected value")
        );
    }
}
