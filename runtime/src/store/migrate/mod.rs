//! The schema's history: which migrations of the config the database has, applying them and taking them back.
//!
//! Invariant: a migration is one transaction, its statements and its mark in `versions` together. Nothing of a failed
//! one stays, and earlier ones do.

mod bookkeeping;
mod checksum;
mod run;
mod status;

use rusqlite::{Connection, TransactionBehavior};
use tracing::{info, warn};

pub use bookkeeping::ensure_bookkeeping;
pub use status::{MigrationState, MigrationStatus, TextChange, status};

use super::StoreError;
use crate::config::Migration;

/// A migration that can be taken back, and what the user should know before.
#[derive(Debug, Clone)]
pub struct Rollback<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// Later versions that are applied and stay so.
    pub later: Vec<i64>,
}

/// The migrations of the config that the database does not have, by rising version, up to and including `up_to`.
/// The database may be one that no loglite has written to yet.
///
/// # Errors
/// [`StoreError::UnknownMigration`] when the config has no `up_to`; [`StoreError::Sqlite`] when the database can't be read.
pub fn pending<'a>(
    connection: &Connection,
    migrations: &'a [Migration],
    up_to: Option<i64>,
) -> Result<Vec<&'a Migration>, StoreError> {
    if let Some(version) = up_to {
        find(migrations, version)?;
    }
    let applied = bookkeeping::applied(connection)?;
    let mut pending: Vec<_> = migrations
        .iter()
        .filter(|migration| !applied.iter().any(|applied| applied.version == migration.version))
        .filter(|migration| up_to.is_none_or(|last| migration.version <= last))
        .collect();
    pending.sort_by_key(|migration| migration.version);
    Ok(pending)
}

/// Applies one migration in one transaction.
///
/// # Errors
/// [`StoreError::Migration`] or [`StoreError::MigrationStatement`] with the statement; then nothing of it is kept.
pub fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    bookkeeping::create_tables(&transaction)?;
    run::statements(&transaction, migration.version, &migration.rollout)?;
    bookkeeping::mark_applied(&transaction, migration)?;
    run::commit(transaction, migration.version)
}

/// Applies all pending migrations in order and logs each; says which.
///
/// # Errors
/// Those of [`apply`]; migrations before the failed one stay applied.
pub fn rollout(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<Vec<i64>, StoreError> {
    let mut done = Vec::new();
    for migration in pending(connection, migrations, None)? {
        if migration.rollout.is_empty() {
            warn!(version = migration.version, "migration has no `rollout` statements");
        }
        apply(connection, migration)?;
        info!(version = migration.version, "migration applied");
        done.push(migration.version);
    }
    Ok(done)
}

/// Runs the rollout of all these migrations, one after another, and takes everything back.
///
/// # Errors
/// Those that [`apply`] would give.
pub fn try_out(connection: &mut Connection, pending: &[&Migration]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    bookkeeping::create_tables(&transaction)?;
    for migration in pending {
        run::statements(&transaction, migration.version, &migration.rollout)?;
        bookkeeping::mark_applied(&transaction, migration)?;
    }
    Ok(transaction.rollback()?)
}

/// Finds what it takes to take a migration back.
///
/// # Errors
/// [`StoreError::UnknownMigration`], [`StoreError::NotApplied`] or [`StoreError::NoRollback`].
pub fn plan_rollback<'a>(
    connection: &Connection,
    migrations: &'a [Migration],
    version: i64,
) -> Result<Rollback<'a>, StoreError> {
    let migration = find(migrations, version)?;
    let applied: Vec<_> =
        bookkeeping::applied(connection)?.into_iter().map(|applied| applied.version).collect();
    if !applied.contains(&version) {
        return Err(StoreError::NotApplied { version });
    }
    if migration.rollback.is_empty() {
        return Err(StoreError::NoRollback { version });
    }
    let later = applied.into_iter().filter(|applied| *applied > version).collect();
    Ok(Rollback { migration, later })
}

/// Takes a migration back in one transaction.
///
/// # Errors
/// As [`apply`]; then the migration stays applied.
pub fn roll_back(connection: &mut Connection, plan: &Rollback<'_>) -> Result<(), StoreError> {
    let Migration { version, rollback, .. } = plan.migration;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    bookkeeping::create_tables(&transaction)?;
    run::statements(&transaction, *version, rollback)?;
    bookkeeping::unmark(&transaction, *version)?;
    run::commit(transaction, *version)
}

fn find(migrations: &[Migration], version: i64) -> Result<&Migration, StoreError> {
    migrations.iter().find(|migration| migration.version == version).ok_or_else(|| {
        let mut known: Vec<_> = migrations.iter().map(|migration| migration.version).collect();
        known.sort_unstable();
        StoreError::UnknownMigration { version, known }
    })
}

#[cfg(test)]
mod tests;
