//! The state of each migration, as `loglite migrate status` shows it.

use rusqlite::Connection;

use super::bookkeeping::{Applied, applied};
use super::checksum::checksum;
use crate::config::Migration;
use crate::store::StoreError;

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// The database has it.
    Applied,
    /// The config has it, the database does not.
    Pending,
    /// The database has it, the config does not.
    NotInConfig,
}

/// Whether a migration's rollout was edited after it was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextChange {
    /// The text is the one that was applied.
    Unchanged,
    /// The text is another one.
    Changed,
    /// An earlier generation of loglite applied it and kept no record of the text.
    Unknown,
    /// There is nothing to compare.
    NotApplicable,
}

/// One line of the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The version.
    pub version: i64,
    /// Where it stands.
    pub state: MigrationState,
    /// When it was applied (UTC, as SQLite writes it).
    pub applied_at: Option<String>,
    /// Whether its text was changed since.
    pub text_change: TextChange,
}

/// The state of all migrations that the config or the database has, by rising version.
///
/// # Errors
/// [`StoreError::Sqlite`] when the database can't be read.
pub fn status(
    connection: &Connection,
    migrations: &[Migration],
) -> Result<Vec<MigrationStatus>, StoreError> {
    let applied = applied(connection)?;
    let mut lines: Vec<_> = applied
        .iter()
        .map(|applied| of_applied(applied, migrations))
        .chain(
            migrations
                .iter()
                .filter(|migration| !applied.iter().any(|other| other.version == migration.version))
                .map(|migration| MigrationStatus {
                    version: migration.version,
                    state: MigrationState::Pending,
                    applied_at: None,
                    text_change: TextChange::NotApplicable,
                }),
        )
        .collect();
    lines.sort_by_key(|line| line.version);
    Ok(lines)
}

fn of_applied(applied: &Applied, migrations: &[Migration]) -> MigrationStatus {
    let configured = migrations.iter().find(|migration| migration.version == applied.version);
    let (state, text_change) = match (configured, &applied.checksum) {
        (None, _) => (MigrationState::NotInConfig, TextChange::NotApplicable),
        (Some(_), None) => (MigrationState::Applied, TextChange::Unknown),
        (Some(migration), Some(then)) if checksum(migration) == *then => {
            (MigrationState::Applied, TextChange::Unchanged)
        }
        (Some(_), Some(_)) => (MigrationState::Applied, TextChange::Changed),
    };
    MigrationStatus {
        version: applied.version,
        state,
        applied_at: Some(applied.applied_at.clone()),
        text_change,
    }
}
