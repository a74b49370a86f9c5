//! Databases that are half empty, and what the service says of the space it returns.

use std::fs;
use std::path::Path;

use loglite_e2e::{Home, Server, config};
use rusqlite::Connection as Database;

/// The common configuration with this `auto_vacuum` and these top-level keys.
pub(crate) fn with_mode(mode: &str, keys: &str) -> String {
    let pragmas = format!("synchronous: NORMAL\n  auto_vacuum: {mode}");
    config::with(keys).replace("synchronous: NORMAL", &pragmas)
}

/// A home whose table had so many rows of about 1 KB, in a file with this `auto_vacuum`. Of each 200 rows the last 100
/// are left.
pub(crate) fn half_free(mode: &str, rows: usize) -> Home {
    let home = Home::new(&with_mode(mode, ""));
    fill_half(&home, rows);
    home
}

/// As [`half_free`], in a home that is there.
pub(crate) fn fill_half(home: &Home, rows: usize) {
    assert_eq!(home.start().stop().code, Some(0));
    let database = home.database();
    let insert = format!(
        "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {rows})
         INSERT INTO Log (id, message, line) SELECT x, hex(randomblob(450)), x FROM n;"
    );
    database.execute_batch(&insert).expect("filled");
    delete_half(&database);
}

/// Deletes the first 100 of each 200 rows of [`half_free`].
pub(crate) fn delete_half(database: &Database) {
    let delete = "DELETE FROM Log WHERE line IS NOT NULL AND line % 200 < 100";
    database.execute_batch(delete).expect("another program can delete");
}

/// How many of the rows of [`half_free`] are there.
pub(crate) fn count_old(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM Log WHERE line IS NOT NULL";
    database.query_row(sql, [], |row| row.get(0)).expect("counted")
}

pub(crate) fn number(database: &Database, pragma: &str) -> i64 {
    database.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).expect("a number")
}

pub(crate) fn assert_sound(database: &Database) {
    let verdict: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(verdict, "ok");
}

/// A file's length; 0 when there is none.
pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The length of the write-ahead log.
pub(crate) fn log_length(home: &Home) -> u64 {
    length(&home.path().join("db/logs.db-wal"))
}

/// A number of `/metrics`.
pub(crate) fn metric(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number {name} in\n{text}"))
}
