//! Which id the next row gets: ids rise in commit order and are never reused, even once the table is emptied.
//!
//! SQLite reuses ids of an emptied table unless it was made with AUTOINCREMENT, so a high-water mark is
//! committed with each batch; where SQLite keeps its own (AUTOINCREMENT), that one serves.

use rusqlite::{Connection, Error as SqliteError, OptionalExtension};

use crate::domain::{RowId, Schema, quote_identifier};

const CREATE_STATE: &str =
    "CREATE TABLE IF NOT EXISTS loglite_state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)";
/// Those who delete rows raise it to the highest id that they delete.
const SAVED_MARK: &str = "SELECT value FROM loglite_state WHERE name = 'newest_row_id'";
const SAVE: &str = "INSERT INTO loglite_state (name, value) VALUES ('newest_row_id', ?1)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// SQLite's ids end at the largest integer.
#[derive(Debug, thiserror::Error)]
#[error(
    "row ids are used up: the newest one is {newest}; delete the rows with such ids and restart, or name a new table in \
     `log_table_name`"
)]
struct UsedUp {
    newest: i64,
}

/// The newest id given out, in step with the database.
#[derive(Debug)]
pub(super) struct RowIds {
    newest: RowId,
    autoincrement: bool,
    newest_in_table: String,
    data_version: i64,
}

impl RowIds {
    /// Reads the high-water mark of a database that is about to be written.
    pub(super) fn load(
        connection: &Connection,
        schema: &Schema,
        autoincrement: bool,
    ) -> rusqlite::Result<Self> {
        connection.execute_batch(CREATE_STATE)?;
        let (row_id, table) =
            (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
        let newest_in_table = format!(
            "SELECT max(coalesce((SELECT max({row_id}) FROM {table}), 0), coalesce(({SAVED_MARK}), 0))"
        );
        let mark = if autoincrement {
            let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1 COLLATE NOCASE";
            connection.query_row(sql, [schema.table()], |row| row.get(0)).optional()?
        } else {
            connection.query_row(SAVED_MARK, [], |row| row.get(0)).optional()?
        };
        let mut ids = Self {
            newest: RowId(mark.unwrap_or(0)),
            autoincrement,
            newest_in_table,
            data_version: -1,
        };
        ids.look_into_table(connection, data_version(connection)?)?;
        // Before anything deletes the newest rows.
        if mark != Some(ids.newest.0) {
            ids.save(connection, RowId(ids.newest.0.saturating_add(1)))?;
        }
        Ok(ids)
    }

    /// The newest id that is committed or was so once.
    pub(super) fn newest(&self) -> RowId {
        self.newest
    }

    /// Takes back what a failed transaction gave out. The next one looks into the table: the failed one may have
    /// been the one that noticed another program's rows.
    pub(super) fn set_newest(&mut self, newest: RowId) {
        self.newest = newest;
        self.data_version = -1;
    }

    /// The first of the ids for this many rows, at the start of a transaction in which [`data_version`] is this.
    pub(super) fn begin(
        &mut self,
        connection: &Connection,
        rows: usize,
        data_version: i64,
    ) -> rusqlite::Result<RowId> {
        self.look_into_table(connection, data_version)?;
        let newest = self.newest.0;
        // One more than needed, so that there is a next id behind the last one.
        let rows_and_next = i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1);
        if newest.checked_add(rows_and_next).is_none() {
            return Err(SqliteError::ToSqlConversionFailure(Box::new(UsedUp { newest })));
        }
        Ok(RowId(newest + 1))
    }

    /// Only when another program has written to the database since the last look.
    fn look_into_table(&mut self, connection: &Connection, version: i64) -> rusqlite::Result<()> {
        if version != self.data_version {
            let known: i64 = connection
                .prepare_cached(&self.newest_in_table)?
                .query_row([], |row| row.get(0))?;
            self.newest = self.newest.max(RowId(known));
            self.data_version = version;
        }
        Ok(())
    }

    /// Notes, within the transaction, that all ids below `next` are given out.
    pub(super) fn save(&mut self, connection: &Connection, next: RowId) -> rusqlite::Result<()> {
        self.newest = RowId(next.0 - 1);
        if self.autoincrement {
            return Ok(());
        }
        connection.prepare_cached(SAVE)?.execute([self.newest.0])?;
        Ok(())
    }
}

/// Another one than before when another connection has written to the database since.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// What [`RowIds::load`] would note, for a program that deletes rows beside or without a service.
const KEEP: &str = "INSERT INTO loglite_state (name, value) VALUES ('newest_row_id', ?1)
    ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";

/// Notes, within the transaction that is about to delete rows, which ids were given out: theirs are not used again. A
/// table with AUTOINCREMENT needs no such note.
pub(super) fn keep_newest(connection: &Connection, schema: &Schema) -> rusqlite::Result<()> {
    connection.execute_batch(CREATE_STATE)?;
    if let Some(newest) = newest_in_table(connection, schema)? {
        connection.execute(KEEP, [newest.0])?;
    }
    Ok(())
}

/// The newest row that is there.
pub(super) fn newest_in_table(
    connection: &Connection,
    schema: &Schema,
) -> rusqlite::Result<Option<RowId>> {
    let (row_id, table) =
        (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
    let sql = format!("SELECT max({row_id}) FROM {table}");
    let newest: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(newest.map(RowId))
}
