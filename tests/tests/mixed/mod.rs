//! A compressed column in which ids and values stand side by side.

use loglite_e2e::{Home, config};

/// A database whose `level` is compressed: old rows with ids, of which 1 is DEBUG, and one with a value as it is.
pub(crate) fn compressed_home(keys: &str) -> Home {
    let table = config::TABLE.replace("level TEXT NOT NULL DEFAULT 'INFO'", "level INTEGER");
    let table = table.replace(
        "        CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),\n",
        ",\n",
    );
    let home = Home::new(&config::with(keys).replace("auto_rollout: true", "auto_rollout: false"));
    let sql = "CREATE TABLE column_dictionary (
            id INTEGER PRIMARY KEY AUTOINCREMENT, column TEXT NOT NULL, value_id INTEGER NOT NULL, value JSON);
        INSERT INTO column_dictionary (column, value_id, value) VALUES ('level', 1, 'DEBUG'), ('level', 2, 'INFO');
        CREATE TABLE loglite_compression (
            column TEXT PRIMARY KEY, holds_ids INTEGER NOT NULL, holds_values INTEGER NOT NULL,
            next_value_id INTEGER NOT NULL, value_count INTEGER NOT NULL, value_bytes INTEGER NOT NULL);
        INSERT INTO loglite_compression VALUES ('level', 1, 1, 3, 2, 9);
        INSERT INTO Log (timestamp, level, message, line) VALUES
            ('2025-01-01T00:00:00Z', 1, 'm', 1), ('2025-01-01T00:00:00Z', 2, 'm', 2),
            ('2025-01-01T00:00:00Z', 'DEBUG', 'm', 3), ('2025-01-01T00:00:00Z', NULL, 'm', 4),
            ('2025-01-01T00:00:00Z', 1, 'm', 5), ('2025-01-01T00:00:00Z', 'ERROR', 'm', 6);";
    home.database().execute_batch(&format!("{table}{sql}")).expect("made");
    home
}
