//! An entry as a transform sees it.

use serde::Deserialize;

/// An entry on its way to the table: the text of one JSON object, exactly as its source sent it.
///
/// Looking at the text is much cheaper than parsing it: decide by the text where you can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    source: &'a str,
    text: &'a str,
}

impl<'a> Entry<'a> {
    /// An entry from this source, as loglite makes them; for tests.
    ///
    /// ```
    /// # use loglite_guest::Entry;
    /// let entry = Entry::new("http", r#"{"level": "INFO"}"#);
    /// assert_eq!(entry.source(), "http");
    /// ```
    #[must_use]
    pub const fn new(source: &'a str, text: &'a str) -> Self {
        Self { source, text }
    }

    /// Where it comes from: `http`, or a harvester's name.
    #[must_use]
    pub const fn source(&self) -> &'a str {
        self.source
    }

    /// Its text.
    ///
    /// ```
    /// # use loglite_guest::Entry;
    /// let entry = Entry::new("http", r#"{"level": "INFO"}"#);
    /// assert!(entry.text().contains("INFO"));
    /// ```
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Reads it into a type: one of your own, which may borrow its strings from the entry, or `serde_json::Value`.
    ///
    /// # Errors
    /// When the entry does not fit the type.
    ///
    /// ```
    /// # use loglite_guest::Entry;
    /// #[derive(serde::Deserialize)]
    /// struct Line {
    ///     level: String,
    /// }
    ///
    /// let line: Line = Entry::new("http", r#"{"level": "INFO"}"#).parse()?;
    /// assert_eq!(line.level, "INFO");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn parse<T: Deserialize<'a>>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text)
    }
}
