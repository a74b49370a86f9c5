//! Configurations that tests share.

/// The table of [`with`]: a column of each kind, defaults, a CHECK, and an index on the timestamp.
pub const TABLE: &str = "\
CREATE TABLE Log (
    id INTEGER PRIMARY KEY,
    timestamp DATETIME TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    level TEXT NOT NULL DEFAULT 'INFO'
        CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
    service TEXT,
    message TEXT NOT NULL,
    line INTEGER,
    ratio REAL,
    ok BOOLEAN,
    extra JSON
);
CREATE INDEX idx_timestamp ON Log (timestamp);";

/// A configuration with [`TABLE`], a port that the system picks, and these top-level keys, one per line.
#[must_use]
pub fn with(keys: &str) -> String {
    with_table(TABLE, keys)
}

/// A configuration whose only migration runs this SQL, a port that the system picks, and these top-level keys.
#[must_use]
pub fn with_table(sql: &str, keys: &str) -> String {
    let sql = sql.replace('\n', "\n        ");
    format!(
        "host: 127.0.0.1
port: 0
log_table_name: Log
auto_rollout: true
sqlite_params:
  journal_mode: WAL
  synchronous: NORMAL
migrations:
  - version: 1
    rollout:
      - |
        {sql}
    rollback:
      - DROP TABLE Log
{keys}
"
    )
}
