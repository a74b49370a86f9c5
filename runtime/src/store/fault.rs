//! SQLite's error codes, sorted by what they mean to those who have to go on. It happens here and nowhere else.

use rusqlite::{Error as SqliteError, ErrorCode};

/// What an error of SQLite means to those who have to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk or the quota is full.
    Full,
    /// The disk or the file system fails.
    Io,
    /// The database file is damaged or no database.
    Corrupt,
    /// The database can't be written.
    ReadOnly,
    /// A constraint of the table refuses the row.
    Constraint,
    /// A value is larger than SQLite takes.
    TooBig,
    /// Another connection holds a lock.
    Busy,
    /// The statement was interrupted.
    Interrupted,
    /// Memory ran out.
    OutOfMemory,
    /// Everything else.
    Other,
}

impl Fault {
    /// Sorts an error of SQLite.
    #[must_use]
    pub fn of(error: &SqliteError) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::Io,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => Self::Constraint,
            Some(ErrorCode::TooBig) => Self::TooBig,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::OperationInterrupted) => Self::Interrupted,
            Some(ErrorCode::OutOfMemory) => Self::OutOfMemory,
            _ => Self::Other,
        }
    }
}

/// Whether an INSERT failed for what the row is, so that its neighbours can still be stored.
pub(super) fn is_row_fault(error: &SqliteError) -> bool {
    match Fault::of(error) {
        Fault::Constraint | Fault::TooBig => true,
        // A function in a CHECK, a generated column or an index rejects a value with SQLite's unspecific error code
        // (`malformed JSON`), which a table that was changed under the service gives, too.
        Fault::Other if error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            let message = error.to_string();
            !message.starts_with("no such ") && !message.contains("has no column")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn error_of(sql: &str) -> SqliteError {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(sql).expect_err("an error")
    }

    #[test]
    fn a_violated_constraint_is_the_rows_fault() {
        let error = error_of("CREATE TABLE t (a CHECK (a > 0)); INSERT INTO t VALUES (0)");
        assert_eq!(Fault::of(&error), Fault::Constraint);
        assert!(is_row_fault(&error));
    }

    #[test]
    fn a_function_that_rejects_a_value_is_the_rows_fault() {
        let error = error_of(
            "CREATE TABLE t (a, b AS (json_extract(a, '$.x')) STORED); INSERT INTO t VALUES ('{')",
        );
        assert!(is_row_fault(&error), "{error}");
    }

    #[test]
    fn a_missing_table_is_not_the_rows_fault() {
        assert!(!is_row_fault(&error_of("INSERT INTO t VALUES (1)")));
        assert!(!is_row_fault(&error_of("CREATE TABLE t (a); INSERT INTO t (b) VALUES (1)")));
    }
}
