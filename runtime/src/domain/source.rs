//! Where entries come from.

use std::fmt;
use std::sync::Arc;

/// The name of a source: `http`, or a harvester's name from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceName(Arc<str>);

/// What tells a harvester where to go on. Its bytes mean something to the harvester only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint(pub Vec<u8>);

/// Whose position a checkpoint is: a source's, or that of one input of a source, such as one of its files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckpointKey(Arc<str>);

impl CheckpointKey {
    /// Between a source's name, which has none, and what names an input of it.
    const SEPARATOR: char = '/';

    /// Of one input of a source. `input` is any text that tells it from the source's others.
    #[must_use]
    pub fn of_input(source: &SourceName, input: &str) -> Self {
        Self(format!("{source}{}{input}", Self::SEPARATOR).into())
    }

    /// What the keys of a source's inputs begin with.
    #[must_use]
    pub fn prefix(source: &SourceName) -> String {
        format!("{source}{}", Self::SEPARATOR)
    }

    /// What names the input.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        self.0.split_once(Self::SEPARATOR).map(|(_, input)| input)
    }

    /// The text under which it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&SourceName> for CheckpointKey {
    fn from(source: &SourceName) -> Self {
        Self(Arc::clone(&source.0))
    }
}

impl From<String> for CheckpointKey {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl SourceName {
    /// What the source of HTTP requests is called.
    pub const HTTP: &str = "http";

    /// Entries of HTTP requests come from here.
    #[must_use]
    pub fn http() -> Self {
        Self(Self::HTTP.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name fits a pattern, in which `*` stands for any number of characters.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let name = self.as_str();
        let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
        let Some(mut name) = name.strip_prefix(start) else { return false };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The first place of each part leaves the most for those behind it.
        for part in middle.split('*') {
            let Some((_, behind)) = name.split_once(part) else { return false };
            name = behind;
        }
        name.ends_with(end)
    }
}

impl From<&str> for SourceName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "http"),
            ("app-*", "app-"),
            ("*-app", "my-app"),
            ("a*c", "abc"),
            ("a*b*c", "axxbxbxc"),
            ("**", "a"),
            ("*b*", "abc"),
            ("app", "app"),
        ] {
            assert!(SourceName::from(name).matches(pattern), "{pattern} {name}");
        }
        for (pattern, name) in
            [("app", "apps"), ("a*a", "a"), ("*b*b*", "abc"), ("a*b", "abc"), ("App", "app")]
        {
            assert!(!SourceName::from(name).matches(pattern), "{pattern} {name}");
        }
    }
}
