//! A column's DEFAULT as a value: in a compressed column it must be made an id, which SQLite can't do.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use crate::domain::quote_identifier;

/// What an entry without the column takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum DefaultValue {
    /// Always the same.
    Constant(Value),
    /// A statement that computes it for each row, such as the time.
    Computed(String),
}

impl DefaultValue {
    /// The column's DEFAULT; none when it has none, or NULL.
    pub(super) fn read(
        connection: &Connection,
        table: &str,
        column: &str,
    ) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT dflt_value FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2";
        let declared: Option<String> =
            connection.query_row(sql, (table, column), |row| row.get(0)).optional()?.flatten();
        let Some(declared) = declared else { return Ok(None) };
        let default = if is_literal(&declared) {
            Self::Constant(evaluate(connection, &declared)?)
        } else {
            Self::Computed(format!("SELECT ({declared})"))
        };
        Ok(Some(default).filter(|default| *default != Self::Constant(Value::Null)))
    }

    /// The value for one row.
    pub(super) fn value(&self, connection: &Connection) -> rusqlite::Result<Value> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Computed(sql) => connection.prepare_cached(sql)?.query_row([], |row| row.get(0)),
        }
    }
}

/// Whether it is one string, number, BLOB or word. SQLite tells an expression without its parentheses.
fn is_literal(declared: &str) -> bool {
    let inner =
        |quote: char| declared.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(text) = inner('\'') {
        return !text.replace("''", "").contains('\'');
    }
    if let Some(text) = inner('"') {
        return !text.replace("\"\"", "").contains('"');
    }
    let digits = declared.strip_prefix(['x', 'X']).and_then(|rest| rest.strip_prefix('\''));
    let is_blob = digits
        .and_then(|rest| rest.strip_suffix('\''))
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let is_number = declared.parse::<f64>().is_ok();
    let is_word = declared.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_blob || is_number || (is_word && !declared.to_ascii_uppercase().starts_with("CURRENT_"))
}

/// Lets SQLite read the literal as it does in a table: there a bare word is a text.
fn evaluate(connection: &Connection, declared: &str) -> rusqlite::Result<Value> {
    let scratch = Connection::open_in_memory()?;
    let name = quote_identifier("default");
    let made = scratch.execute_batch(&format!("CREATE TABLE t ({name} DEFAULT {declared})"));
    if made.is_err() {
        return connection.query_row(&format!("SELECT ({declared})"), [], |row| row.get(0));
    }
    scratch.query_row("INSERT INTO t DEFAULT VALUES RETURNING *", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_of(declared: &str) -> Option<DefaultValue> {
        let connection = Connection::open_in_memory().expect("memory");
        let sql = format!("CREATE TABLE Log (level INTEGER {declared})");
        connection.execute_batch(&sql).expect(declared);
        DefaultValue::read(&connection, "Log", "level").expect("read")
    }

    #[test]
    fn literals_are_read_as_sqlite_reads_them() {
        let text = |text: &str| Some(DefaultValue::Constant(Value::Text(text.into())));
        let integer = |integer| Some(DefaultValue::Constant(Value::Integer(integer)));
        assert_eq!(default_of(""), None);
        assert_eq!(default_of("DEFAULT NULL"), None);
        assert_eq!(default_of("DEFAULT 'INFO'"), text("INFO"));
        assert_eq!(default_of("DEFAULT 'it''s'"), text("it's"));
        assert_eq!(default_of("DEFAULT \"INFO\""), text("INFO"));
        assert_eq!(default_of("DEFAULT INFO"), text("INFO"));
        assert_eq!(default_of("DEFAULT ('INFO')"), text("INFO"));
        assert_eq!(default_of("DEFAULT '007'"), text("007"));
        assert_eq!(default_of("DEFAULT -5"), integer(-5));
        assert_eq!(default_of("DEFAULT TRUE"), integer(1));
        assert_eq!(default_of("DEFAULT 1e3"), Some(DefaultValue::Constant(Value::Real(1000.0))));
        assert_eq!(
            default_of("DEFAULT x'00ff'"),
            Some(DefaultValue::Constant(Value::Blob(vec![0, 255])))
        );
    }

    #[test]
    fn expressions_are_computed_for_each_row() {
        let connection = Connection::open_in_memory().expect("memory");
        for declared in ["DEFAULT CURRENT_TIMESTAMP", "DEFAULT ('a' || hex(randomblob(8)) || 'b')"]
        {
            let default = default_of(declared).expect("a default");
            assert!(matches!(default, DefaultValue::Computed(_)), "{default:?}");
            let value = default.value(&connection).expect("computed");
            assert!(matches!(&value, Value::Text(text) if text.len() > 10), "{value:?}");
        }
        let again = default_of("DEFAULT (random())").expect("a default");
        let value = || again.value(&connection).expect("computed");
        assert_ne!(value(), value());
    }
}
