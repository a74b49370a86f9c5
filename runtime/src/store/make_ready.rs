//! The database made ready for a service: migrations, the log table's schema, and what of the configuration must fit it.

use rusqlite::Connection;
use tracing::warn;

use super::connection::open_writer;
use super::dictionary::adopt;
use super::introspect::read_schema;
use super::vacuum::warn_of_none;
use super::{StoreError, migrate, retention_filters};
use crate::config::Config;
use crate::domain::Schema;

/// Opens the connection that will write, and reads the log table. The caller holds the lock.
///
/// # Errors
/// Any [`StoreError`] that makes the database unfit to serve.
pub(super) fn make_ready(config: &Config) -> Result<(Connection, Schema), StoreError> {
    let mut connection = open_writer(&config.database)?;
    roll_out(&mut connection, config)?;
    let schema = read_schema(&connection, &config.database)?;
    retention_filters::resolve(&schema, &config.retention.rules)?;
    warn_of_slow_order(&schema);
    adopt(&connection, &schema, &config.compression)?;
    warn_of_none(&connection, &config.retention)?;
    Ok((connection, schema))
}

/// Applies pending migrations if the config says so, else tells of them.
fn roll_out(connection: &mut Connection, config: &Config) -> Result<(), StoreError> {
    migrate::ensure_bookkeeping(connection)?;
    if config.database.auto_rollout {
        migrate::rollout(connection, &config.migrations)?;
        return Ok(());
    }
    let pending = migrate::pending(connection, &config.migrations, None)?;
    if !pending.is_empty() {
        let versions: Vec<_> = pending.iter().map(|migration| migration.version).collect();
        warn!(?versions, "migrations are pending; `loglite migrate rollout` applies them");
    }
    Ok(())
}

fn warn_of_slow_order(schema: &Schema) {
    if !schema.timestamp_indexed() {
        let column = &schema.column(schema.timestamp()).name;
        warn!(
            table = schema.table(),
            column, "no index starts with the timestamp column: every query sorts all rows"
        );
    }
}
