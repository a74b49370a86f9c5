//! What can be wrong with a configuration, and how a user reads it.

use std::fmt;
use std::path::PathBuf;

/// Everything that is wrong with a configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where the configuration comes from.
    pub origin: Origin,
    /// Where in the file; none for a variable, or for what concerns the file as a whole.
    pub position: Option<Position>,
    /// The path of keys to the value, such as `migrations[0].version`; empty for the whole file.
    pub key: String,
    /// What is wrong.
    pub fault: Fault,
}

/// Where a part of the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The configuration inside the program.
    BuiltIn,
    /// An environment variable.
    Variable(String),
    /// An option of a command, such as `--grant`.
    Option(&'static str),
}

/// A place in a file; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// What is wrong with a value, a key or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file can't be read.
    Unreadable(String),
    /// The text is no YAML.
    Syntax(String),
    /// The key does not exist.
    UnknownKey {
        /// The key that was probably meant.
        nearest: Option<String>,
        /// All keys that are known here; none at the top of a file, which has too many.
        known: Vec<&'static str>,
    },
    /// The key was set before.
    DuplicateKey {
        /// Where.
        first: Position,
    },
    /// Two migrations have the same version.
    SameVersion {
        /// The version.
        version: i64,
        /// Where it came first.
        first: Position,
    },
    /// A value that must be the only one of its kind was given before.
    Taken {
        /// The value.
        value: String,
        /// Where.
        first: Position,
    },
    /// A key that has no default is not set.
    Missing {
        /// What it should be.
        expected: String,
    },
    /// The value is not what the key expects.
    Mismatch {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A variable names a key that is a list or mapping.
    NotFromEnvironment,
    /// A variable resembles one that exists.
    UnknownVariable {
        /// The variable that was probably meant.
        nearest: String,
    },
    /// The configuration asks for what this version can't do.
    Unsupported {
        /// What can't be done.
        what: &'static str,
        /// What to do instead.
        way_out: &'static str,
    },
}

impl ConfigErrors {
    /// Orders the problems by their place; `None` when there are none.
    pub(super) fn new(mut problems: Vec<Problem>) -> Option<Self> {
        // A stable sort: what has no place keeps its order, behind what has one.
        problems.sort_by_key(|problem| (problem.position.is_none(), problem.position));
        (!problems.is_empty()).then_some(Self { problems })
    }

    /// The problems: those of the file from top to bottom, then the rest.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.origin)?;
        match (self.position, &self.origin) {
            (None, _) | (_, Origin::Option(_)) => {}
            (Some(Position { line, column }), _) => write!(f, "{line}:{column}:")?,
        }
        let key = &self.key;
        match &self.fault {
            Fault::Unreadable(cause) => write!(f, " can't be read: {cause}"),
            Fault::Syntax(cause) => write!(f, " {cause}"),
            Fault::UnknownKey { nearest: Some(nearest), .. } => {
                write!(f, " unknown key `{key}`; did you mean `{nearest}`?")
            }
            Fault::UnknownKey { known, .. } if known.is_empty() => {
                write!(
                    f,
                    " unknown key `{key}`; remove it, or see `loglite config show` for all keys"
                )
            }
            Fault::UnknownKey { known, .. } => {
                write!(f, " unknown key `{key}`; known here: {}", known.join(", "))
            }
            Fault::DuplicateKey { first } => {
                write!(f, " `{key}` is set twice, first in line {}; remove one of them", first.line)
            }
            Fault::SameVersion { version, first } => write!(
                f,
                " `{key}`: version {version} is already that of the migration in line {}; \
                 give each its own",
                first.line
            ),
            Fault::Taken { value, first } => write!(
                f,
                " `{key}`: `{value}` is already taken in line {}; give each its own",
                first.line
            ),
            Fault::Missing { expected } => write!(f, " `{key}` is missing: expected {expected}"),
            Fault::Mismatch { expected, found } if key.is_empty() => {
                write!(f, " expected {expected}, found {found}")
            }
            Fault::Mismatch { expected, found } => {
                write!(f, " `{key}`: expected {expected}, found {found}")
            }
            Fault::NotFromEnvironment => {
                write!(f, " `{key}` can't be set by a variable; set it in the configuration file")
            }
            Fault::UnknownVariable { nearest } => {
                write!(f, " no key has this variable; did you mean {nearest}?")
            }
            Fault::Unsupported { what, way_out } => {
                write!(f, " `{key}`: {what} is not supported by this version yet; {way_out}")
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::BuiltIn => f.write_str("built-in configuration"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Option(name) => f.write_str(name),
        }
    }
}
