//! Tables whose row ids a VACUUM does not keep.
//!
//! It writes the rows of a table that has neither an INTEGER PRIMARY KEY nor an index under new ids, from 1 on
//! (<https://sqlite.org/lang_vacuum.html>; the copying is `xferOptimization` in SQLite's `insert.c`).

use rusqlite::Connection;

/// A VACUUM would change row ids, by which clients resume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a VACUUM would number the rows of `{table}` anew, as it has neither an INTEGER PRIMARY KEY nor an index; make an \
     index in a migration, such as one of its timestamp column"
)]
pub struct Renumbering {
    /// The log table.
    pub table: String,
}

/// What a VACUUM would do to the row ids of this table, if it does anything.
pub(super) fn renumbering(
    connection: &Connection,
    table: &str,
) -> rusqlite::Result<Option<Renumbering>> {
    // A key without an index is the row id itself.
    let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_list
            WHERE schema = 'main' AND type = 'table' AND name = ?1 COLLATE NOCASE)
        AND NOT EXISTS (SELECT 1 FROM pragma_table_info(?1, 'main') WHERE pk > 0)
        AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main'))";
    let is_renumbered: bool = connection.query_row(sql, [table], |row| row.get(0))?;
    Ok(is_renumbered.then(|| Renumbering { table: table.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether ids that have a gap stay through a VACUUM, beside what is said of it.
    fn keeps_ids(schema: &str) -> (bool, bool) {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(schema).expect(schema);
        connection.execute_batch("INSERT INTO Log (a) VALUES (1), (2)").expect("filled");
        connection.execute_batch("DELETE FROM Log WHERE a = 1; VACUUM").expect("rewritten");
        let id: i64 =
            connection.query_row("SELECT rowid FROM Log", [], |row| row.get(0)).expect("a row");
        (id == 2, renumbering(&connection, "log").expect("looked").is_none())
    }

    #[test]
    fn it_is_known_which_tables_are_numbered_anew() {
        for (schema, kept) in [
            ("CREATE TABLE Log (a, b)", false),
            ("CREATE TABLE Log (a, id INTEGER PRIMARY KEY)", true),
            ("CREATE TABLE Log (a, id INTEGER PRIMARY KEY AUTOINCREMENT)", true),
            ("CREATE TABLE Log (a, id INTEGER PRIMARY KEY DESC)", true),
            ("CREATE TABLE Log (a, id TEXT PRIMARY KEY)", true),
            ("CREATE TABLE Log (a, b UNIQUE)", true),
            ("CREATE TABLE Log (a, b); CREATE INDEX i ON Log (b)", true),
            ("CREATE TABLE Log (a, b); CREATE INDEX i ON Log (b) WHERE b = 1", true),
        ] {
            assert_eq!(keeps_ids(schema), (kept, kept), "{schema}");
        }
    }

    #[test]
    fn a_table_that_is_missing_loses_nothing() {
        let connection = Connection::open_in_memory().expect("a database");
        assert_eq!(renumbering(&connection, "Log").expect("looked"), None);
    }
}
