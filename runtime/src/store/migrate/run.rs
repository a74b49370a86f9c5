//! Runs the statements of one migration inside its transaction.

use rusqlite::{Connection, Error as SqliteError, Transaction};
use tracing::warn;

use crate::store::StoreError;
use crate::store::sql_text;

/// PRAGMAs that SQLite ignores within a transaction.
const WITHOUT_EFFECT: [&str; 2] = ["foreign_keys", "auto_vacuum"];

/// Runs all statements of all items in order.
pub(super) fn statements(
    connection: &Connection,
    version: i64,
    items: &[String],
) -> Result<(), StoreError> {
    let all = items.iter().flat_map(|item| sql_text::statements(item));
    for (statement, position) in all.zip(1..) {
        let at = Place { version, position, statement };
        at.refuse_what_breaks_the_transaction()?;
        at.warn_of_pragmas_without_effect();
        execute(connection, statement).map_err(|cause| at.failed(cause))?;
    }
    Ok(())
}

/// Commits; constraints that are checked only now can still fail the migration.
pub(super) fn commit(transaction: Transaction<'_>, version: i64) -> Result<(), StoreError> {
    transaction.commit().map_err(|cause| StoreError::Migration {
        version,
        position: 0,
        statement: "COMMIT".to_owned(),
        cause,
    })
}

/// A statement of a migration.
struct Place<'a> {
    version: i64,
    position: usize,
    statement: &'a str,
}

impl Place<'_> {
    fn refuse_what_breaks_the_transaction(&self) -> Result<(), StoreError> {
        let keyword =
            sql_text::words(self.statement).next().unwrap_or_default().to_ascii_uppercase();
        let way_out = match keyword.as_str() {
            "BEGIN" | "COMMIT" | "END" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" => "remove it",
            "VACUUM" => "run it with the sqlite3 shell while loglite is stopped",
            _ => return Ok(()),
        };
        Err(StoreError::MigrationStatement {
            version: self.version,
            position: self.position,
            statement: self.statement.to_owned(),
            keyword,
            way_out,
        })
    }

    fn warn_of_pragmas_without_effect(&self) {
        let mut words = sql_text::words(self.statement);
        if !words.next().is_some_and(|word| word.eq_ignore_ascii_case("PRAGMA")) {
            return;
        }
        let name = words.next().unwrap_or_default();
        if WITHOUT_EFFECT.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            warn!(
                version = self.version,
                pragma = name,
                "this PRAGMA has no effect in a migration; set it in `sqlite_params`"
            );
        }
    }

    fn failed(&self, cause: SqliteError) -> StoreError {
        let cause = match cause {
            // Its text would repeat the statement.
            SqliteError::SqlInputError { error, msg, .. } => {
                SqliteError::SqliteFailure(error, Some(msg))
            }
            other => other,
        };
        StoreError::Migration {
            version: self.version,
            position: self.position,
            statement: self.statement.to_owned(),
            cause,
        }
    }
}

/// Runs a statement to its end and drops the rows that it may return.
fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
