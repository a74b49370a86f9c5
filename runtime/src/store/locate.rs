//! Errors of SQLite and the system as those of the database's file, with its path.

use std::io;
use std::path::Path;

use rusqlite::{Error as SqliteError, ErrorCode};

use super::{Fault, StoreError};

impl StoreError {
    /// The same, with the path of the database where the error concerns the file.
    #[must_use]
    pub(super) fn located(self, path: &Path) -> Self {
        match self {
            Self::Sqlite(cause) => Self::at(path, cause),
            other => other,
        }
    }

    /// The error of an operation on the database at `path`: what concerns the file names it.
    pub(super) fn at(path: &Path, cause: SqliteError) -> Self {
        let path = path.to_owned();
        match (Fault::of(&cause), cause.sqlite_error_code()) {
            (_, Some(ErrorCode::NotADatabase)) => Self::NotADatabase { path },
            (Fault::Corrupt, _) => Self::Corrupt { path, detail: cause.to_string() },
            (Fault::ReadOnly, _) => Self::ReadOnly { path },
            (Fault::Full, _) => Self::Full { path },
            (Fault::Busy, _) => Self::Locked { path },
            (Fault::Io, _) => Self::Open { path, cause },
            _ => Self::Sqlite(cause),
        }
    }

    /// The error of a file operation on `path`.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path }
            }
            _ => Self::File { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_named_by_its_path() {
        let source = SqliteError::SqliteFailure(rusqlite::ffi::Error::new(11), None);
        let error = StoreError::at(Path::new("d/logs.db"), source);
        assert!(error.to_string().starts_with("the database d/logs.db is damaged"), "{error}");
        assert_eq!(error.fault(), Some(Fault::Corrupt));
    }
}
