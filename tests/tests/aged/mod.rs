//! Rows of a certain age, and what retention tells of them.

use loglite_e2e::{Home, Server, eventually};
use rusqlite::Connection as Database;
use serde_json::{Value, json};

/// What old rows are older than in these tests, with passes that follow each other.
pub(crate) const KEYS: &str = "vacuum_max_days: 10\ntask_vacuum_interval: 0.2";
/// Ages on either side of it, in days, and one that is old beyond any doubt of offsets.
pub(crate) const OLD: f64 = 10.5;
pub(crate) const YOUNG: f64 = 9.5;
pub(crate) const LONG_AGO: f64 = 30.0;

/// The time so many days ago, as SQLite writes it in this form, such as `%s`.
pub(crate) fn ago(days: f64, form: &str) -> String {
    let database = Database::open_in_memory().expect("memory");
    let sql = "SELECT strftime(?1, 'now', printf('%+.4f days', -?2))";
    database.query_row(sql, (form, days), |row| row.get(0)).expect("a time")
}

/// Entries with these messages that are so old.
pub(crate) fn entries(days: f64, messages: &[&str]) -> Value {
    let timestamp = ago(days, "%Y-%m-%dT%H:%M:%fZ");
    messages.iter().map(|message| json!({"timestamp": timestamp, "message": message})).collect()
}

/// The messages in the table, by their row ids.
pub(crate) fn messages(home: &Home) -> Vec<String> {
    let database = home.database();
    let sql = "SELECT message FROM Log ORDER BY rowid";
    let mut statement = database.prepare(sql).expect("the table is there");
    let rows = statement.query_map([], |row| row.get(0));
    rows.and_then(Iterator::collect).expect("the table can be read")
}

/// Waits until the table holds these messages and no others.
pub(crate) fn until_left(server: &Server, expected: &[&str]) {
    let is_left = || (messages(server.home()) == expected).then_some(());
    eventually(&format!("{} rows are left", expected.len()), is_left);
}

/// The value of a sample of `GET /metrics`.
pub(crate) fn metric(server: &Server, sample: &str) -> f64 {
    let text = server.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("no {sample} in\n{text}"));
    value.parse().expect("a number")
}

/// Rows deleted for this reason.
pub(crate) fn deleted(server: &Server, reason: &str) -> f64 {
    metric(server, &format!("loglite_rows_deleted_total{{reason=\"{reason}\"}}"))
}

/// Waits for this in the log of the service.
pub(crate) fn until_told(server: &Server, text: &str) {
    eventually(text, || server.process().stderr().contains(text).then_some(()));
}

/// Waits until a whole pass has begun and ended: one row more is too old, and gone.
pub(crate) fn until_passed(server: &Server) {
    for _ in 0..2 {
        let before = deleted(server, "age");
        server.store(&entries(LONG_AGO, &["passing"]));
        eventually("a pass", || (deleted(server, "age") > before).then_some(()));
    }
}
