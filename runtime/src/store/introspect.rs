//! Reads the log table as the user's migrations left it, and refuses tables that can't hold a log.

use rusqlite::{Connection, OptionalExtension};

use super::StoreError;
use super::sql_text::has_word;
use crate::config::DatabaseConfig;
use crate::domain::{Column, ColumnId, Schema};

/// The names by which SQL reaches the row id of any table, unless a column has that name
/// (<https://sqlite.org/lang_createtable.html#rowid>).
const ROW_ID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// What the writer must know of the log table beyond its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableTraits {
    /// Whether an INSERT of many rows does what as many INSERTs do: no trigger and no conflict rule
    /// makes a row fail, vanish or replace others on its own terms.
    pub(super) multi_row_safe: bool,
    /// Whether SQLite itself keeps the highest row id ever used (AUTOINCREMENT).
    pub(super) autoincrement: bool,
    /// Whether a row may need another one of the table: by a foreign key, or by a trigger.
    pub(super) rows_depend: bool,
}

/// Reads the columns of the configured table, its row id and its timestamp column. Names are found in any case.
///
/// # Errors
/// [`StoreError::TableMissing`], [`StoreError::NotATable`], [`StoreError::WithoutRowid`], [`StoreError::RowIdHidden`] or
/// [`StoreError::TimestampMissing`], with the way out.
pub(super) fn read_schema(
    connection: &Connection,
    config: &DatabaseConfig,
) -> Result<Schema, StoreError> {
    let table = find_table(connection, &config.log_table_name)?;
    let columns = read_columns(connection, &table)?;
    let row_id = find_row_id(connection, &table, &columns)?;
    let wanted = &config.log_timestamp_field;
    let timestamp = position(&columns, wanted).ok_or_else(|| StoreError::TimestampMissing {
        column: wanted.clone(),
        table: table.clone(),
        known: columns.iter().map(|column| column.name.clone()).collect(),
    })?;
    let indexed = row_id.1 == Some(timestamp) || is_indexed(connection, &table, timestamp)?;
    Ok(Schema::new(table, columns, row_id, (timestamp, indexed)))
}

/// Reads the traits of the schema's table.
///
/// # Errors
/// [`StoreError::Sqlite`] when the database can't be read.
pub(super) fn read_traits(
    connection: &Connection,
    schema: &Schema,
) -> Result<TableTraits, StoreError> {
    let sql: String = connection.query_row(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1",
        [schema.table()],
        |row| row.get(0),
    )?;
    let has_triggers: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)",
        [schema.table()],
        |row| row.get(0),
    )?;
    let refers_to_itself: bool = connection.query_row(
        r#"SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_list(?1) WHERE "table" = ?1 COLLATE NOCASE)"#,
        [schema.table()],
        |row| row.get(0),
    )?;
    Ok(TableTraits {
        multi_row_safe: !has_triggers && !has_word(&sql, "CONFLICT"),
        autoincrement: has_word(&sql, "AUTOINCREMENT"),
        rows_depend: has_triggers || refers_to_itself,
    })
}

/// The column that this key of the configuration names, if it names one.
///
/// # Errors
/// [`StoreError::UnwritableColumn`] when the table has no such column or entries can't set it.
pub fn find_writable_column(
    schema: &Schema,
    key: &'static str,
    name: Option<&str>,
) -> Result<Option<ColumnId>, StoreError> {
    let Some(name) = name else { return Ok(None) };
    let found = position(schema.columns(), name).filter(|id| schema.is_writable(*id));
    found.map(Some).ok_or_else(|| StoreError::UnwritableColumn {
        key,
        column: name.to_owned(),
        table: schema.table().to_owned(),
        known: schema
            .ids()
            .filter(|id| schema.is_writable(*id))
            .map(|id| schema.column(id).name.clone())
            .collect(),
    })
}

/// The table's name as the migration wrote it.
fn find_table(connection: &Connection, wanted: &str) -> Result<String, StoreError> {
    let found = connection
        .query_row(
            "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
            [wanted],
            |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)),
        )
        .optional()?;
    match found {
        None => Err(StoreError::TableMissing { table: wanted.to_owned() }),
        Some((table, kind, _)) if kind != "table" => {
            let kind = if kind == "view" { kind } else { format!("{kind} table") };
            Err(StoreError::NotATable { table, kind })
        }
        Some((table, _, true)) => Err(StoreError::WithoutRowid { table }),
        Some((table, _, false)) => Ok(table),
    }
}

fn read_columns(connection: &Connection, table: &str) -> Result<Vec<Column>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk > 0, hidden
         FROM pragma_table_xinfo(?1, 'main') ORDER BY cid",
    )?;
    let columns = statement.query_map([table], |row| {
        let sqlite_type: String = row.get(1)?;
        let (kind, affinity) = Column::kind_and_affinity(&sqlite_type);
        Ok(Column {
            name: row.get(0)?,
            sqlite_type,
            kind,
            affinity,
            not_null: row.get(2)?,
            has_default: row.get(3)?,
            primary_key: row.get(4)?,
            generated: matches!(row.get::<_, i64>(5)?, 2 | 3),
        })
    })?;
    Ok(columns.collect::<Result<_, _>>()?)
}

/// The name that reaches the row id, and the column that is it.
fn find_row_id(
    connection: &Connection,
    table: &str,
    columns: &[Column],
) -> Result<(String, Option<ColumnId>), StoreError> {
    if let Some(id) = find_alias(connection, table, columns)? {
        let name = columns.get(id.0).map(|column| column.name.clone()).unwrap_or_default();
        return Ok((name, Some(id)));
    }
    let free = ROW_ID_NAMES.iter().find(|name| position(columns, name).is_none());
    free.map(|name| ((*name).to_owned(), None))
        .ok_or_else(|| StoreError::RowIdHidden { table: table.to_owned() })
}

/// A primary key is the row id itself when it is one column of type INTEGER; `INTEGER PRIMARY KEY DESC` is an exception
/// (<https://sqlite.org/lang_createtable.html#rowid>). SQLite makes an index for a key that is not the row id.
fn find_alias(
    connection: &Connection,
    table: &str,
    columns: &[Column],
) -> Result<Option<ColumnId>, StoreError> {
    let mut keys = columns.iter().enumerate().filter(|(_, column)| column.primary_key);
    let (Some((at, key)), None) = (keys.next(), keys.next()) else { return Ok(None) };
    let has_index: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')",
        [table],
        |row| row.get(0),
    )?;
    let is_alias = key.sqlite_type.eq_ignore_ascii_case("INTEGER") && !has_index;
    Ok(is_alias.then_some(ColumnId(at)))
}

/// Whether an index over all rows starts with the column.
pub(super) fn is_indexed(
    connection: &Connection,
    table: &str,
    column: ColumnId,
) -> Result<bool, StoreError> {
    let indexed = connection.query_row(
        "SELECT EXISTS (
            SELECT 1 FROM pragma_index_list(?1, 'main') AS list, pragma_index_info(list.name, 'main') AS part
            WHERE list.partial = 0 AND part.seqno = 0 AND part.cid = ?2)",
        rusqlite::params![table, i64::try_from(column.0).unwrap_or(-1)],
        |row| row.get(0),
    )?;
    Ok(indexed)
}

/// The column of that name: in exactly that spelling, else in any case, as in SQL.
fn position(columns: &[Column], name: &str) -> Option<ColumnId> {
    let exact = columns.iter().position(|column| column.name == name);
    exact
        .or_else(|| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
        .map(ColumnId)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn read(sql: &str) -> Result<(Schema, TableTraits), StoreError> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(sql)?;
        let config = DatabaseConfig {
            sqlite_dir: PathBuf::new(),
            sqlite_params: Vec::new(),
            log_table_name: "Log".into(),
            log_timestamp_field: "timestamp".into(),
            auto_rollout: false,
            db_pool_size: 1,
            query_timeout: Duration::from_secs(1),
        };
        let schema = read_schema(&connection, &config)?;
        let traits = read_traits(&connection, &schema)?;
        Ok((schema, traits))
    }

    fn check_row_id(sql: &str, name: &str, is_column: bool) {
        let (schema, _) = read(sql).expect(sql);
        assert_eq!(
            (schema.row_id_name(), schema.row_id_column().is_some()),
            (name, is_column),
            "{sql}"
        );
    }

    #[test]
    fn an_integer_primary_key_is_the_row_id() {
        check_row_id("CREATE TABLE Log (timestamp, id integer PRIMARY KEY)", "id", true);
        check_row_id("CREATE TABLE Log (id INTEGER, timestamp, PRIMARY KEY (id))", "id", true);
    }

    #[test]
    fn other_primary_keys_are_not_the_row_id() {
        for key in
            ["INT PRIMARY KEY", "INTEGER PRIMARY KEY DESC", "TEXT PRIMARY KEY", "INTEGER UNIQUE"]
        {
            check_row_id(&format!("CREATE TABLE Log (timestamp, id {key})"), "rowid", false);
        }
        check_row_id(
            "CREATE TABLE Log (timestamp, id INTEGER, PRIMARY KEY (id, timestamp))",
            "rowid",
            false,
        );
    }

    #[test]
    fn a_hidden_name_of_the_row_id_gives_way_to_the_next() {
        check_row_id("CREATE TABLE Log (timestamp, ROWID TEXT)", "_rowid_", false);
        check_row_id("CREATE TABLE Log (timestamp, rowid, _rowid_)", "oid", false);
        let error = read("CREATE TABLE Log (timestamp, rowid, _rowid_, oid)").expect_err("hidden");
        assert!(matches!(error, StoreError::RowIdHidden { .. }), "{error}");
    }

    #[test]
    fn what_is_no_ordinary_table_is_refused() {
        let without =
            read("CREATE TABLE Log (timestamp PRIMARY KEY) WITHOUT ROWID").expect_err("no row id");
        assert!(matches!(without, StoreError::WithoutRowid { .. }), "{without}");
        let view = read("CREATE VIEW Log AS SELECT 1 AS timestamp").expect_err("a view");
        assert!(view.to_string().starts_with("`Log` is a view"), "{view}");
        let virtual_table =
            read("CREATE VIRTUAL TABLE Log USING fts5(timestamp)").expect_err("virtual");
        assert!(
            virtual_table.to_string().starts_with("`Log` is a virtual table"),
            "{virtual_table}"
        );
        let missing = read("CREATE TABLE Logs (timestamp)").expect_err("missing");
        assert!(matches!(missing, StoreError::TableMissing { .. }), "{missing}");
    }

    #[test]
    fn names_are_found_in_any_case() {
        let (schema, _) = read("CREATE TABLE LOG (id, TimeStamp)").expect("found");
        assert_eq!((schema.table(), schema.timestamp()), ("LOG", ColumnId(1)));
    }

    #[test]
    fn a_missing_timestamp_names_the_columns_there_are() {
        let error = read("CREATE TABLE Log (id, time)").expect_err("missing");
        assert!(error.to_string().ends_with("it has: id, time"), "{error}");
    }

    #[test]
    fn only_a_whole_index_that_starts_with_the_timestamp_counts() {
        for (index, indexed) in [
            ("(timestamp, a)", true),
            ("(timestamp DESC)", true),
            ("(a, timestamp)", false),
            ("(timestamp) WHERE a = 1", false),
            ("(lower(timestamp))", false),
        ] {
            let sql = format!("CREATE TABLE Log (a, timestamp); CREATE INDEX i ON Log {index}");
            assert_eq!(read(&sql).expect("read").0.timestamp_indexed(), indexed, "{index}");
        }
    }

    #[test]
    fn columns_keep_what_the_migration_declared() {
        let (schema, _) = read(
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp DATETIME NOT NULL, level TEXT DEFAULT 'INFO',
             day TEXT GENERATED ALWAYS AS (date(timestamp)) VIRTUAL)",
        )
        .expect("read");
        let seen: Vec<_> = schema
            .columns()
            .iter()
            .map(|c| {
                (c.name.as_str(), c.sqlite_type.as_str(), c.not_null, c.has_default, c.generated)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("id", "INTEGER", false, false, false),
                ("timestamp", "DATETIME", true, false, false),
                ("level", "TEXT", false, true, false),
                ("day", "TEXT", false, false, true),
            ]
        );
    }

    #[test]
    fn triggers_and_conflict_rules_forbid_inserts_of_many_rows() {
        let plain = "CREATE TABLE Log (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DEFAULT 'on conflict');";
        for (sql, multi_row_safe, autoincrement) in [
            (plain.to_owned(), true, true),
            ("CREATE TABLE Log (timestamp UNIQUE ON CONFLICT IGNORE)".to_owned(), false, false),
            (
                format!(
                    "{plain} CREATE TRIGGER t BEFORE INSERT ON log BEGIN SELECT RAISE(IGNORE); END"
                ),
                false,
                true,
            ),
        ] {
            let (_, traits) = read(&sql).expect("read");
            assert_eq!(traits.multi_row_safe, multi_row_safe, "{sql}");
            assert_eq!(traits.autoincrement, autoincrement, "{sql}");
        }
    }

    #[test]
    fn rows_depend_on_each_other_by_a_foreign_key_to_their_own_table_or_a_trigger() {
        let other =
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, s REFERENCES Services (name))";
        let own =
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, parent REFERENCES log (id))";
        let trigger = format!("{other}; CREATE TRIGGER t AFTER INSERT ON log BEGIN SELECT 1; END");
        for (sql, expected) in [(other, false), (own, true), (&trigger, true)] {
            assert_eq!(read(sql).expect("read").1.rows_depend, expected, "{sql}");
        }
    }

    #[test]
    fn a_column_that_loglite_fills_must_be_one_that_entries_can_set() {
        let (schema, _) =
            read("CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, extra JSON)").expect("read");
        assert_eq!(find_writable_column(&schema, "a_key", None).expect("none"), None);
        assert_eq!(
            find_writable_column(&schema, "a_key", Some("extra")).expect("found"),
            Some(ColumnId(2))
        );
        for name in ["id", "other"] {
            let error = find_writable_column(&schema, "a_key", Some(name)).expect_err(name);
            let error = error.to_string();
            assert!(error.starts_with(&format!("`a_key` names `{name}`")), "{error}");
            assert!(error.ends_with("they can set: timestamp, extra"), "{error}");
        }
    }
}
