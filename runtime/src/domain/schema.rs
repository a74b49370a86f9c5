//! The log table as the user's migrations left it. loglite adds nothing to it.

use std::collections::HashMap;

/// A column's position in [`Schema::columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(pub usize);

/// How SQLite compares a column's values (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Text compares as text.
    Text,
    /// Text that looks like a number compares as a number.
    Numeric,
    /// Values compare as they are stored.
    Blob,
}

/// What a column holds, as clients see it in `GET /schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Number,
    /// 0 or 1.
    Boolean,
    /// A date or time, stored as the client sent it.
    Datetime,
    /// An object or array, stored as compact JSON text.
    Json,
    /// Bytes.
    Blob,
    /// Everything else.
    Text,
}

/// One column of the log table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name as the migration wrote it.
    pub name: String,
    /// The declared type as the migration wrote it; empty when none was declared.
    pub sqlite_type: String,
    /// What the declared type means to clients.
    pub kind: Kind,
    /// What the declared type means to SQLite's comparisons.
    pub affinity: Affinity,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// Whether the column has a DEFAULT, so that an entry without it takes that value.
    pub has_default: bool,
    /// Whether the column is part of the primary key.
    pub primary_key: bool,
    /// Whether SQLite computes the value (a generated column), so that entries can't set it.
    pub generated: bool,
}

impl Column {
    /// Derives [`Kind`] and [`Affinity`] from the declared type.
    #[must_use]
    pub fn kind_and_affinity(declared_type: &str) -> (Kind, Affinity) {
        let upper = declared_type.to_ascii_uppercase();
        let has = |part: &str| upper.contains(part);
        let affinity = if has("INT") {
            Affinity::Numeric
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || upper.is_empty() {
            Affinity::Blob
        } else {
            Affinity::Numeric
        };
        let kind = if has("JSON") {
            Kind::Json
        } else if has("BOOL") {
            Kind::Boolean
        } else if has("DATE") || has("TIME") {
            Kind::Datetime
        } else if has("INT") {
            Kind::Integer
        } else if has("REAL") || has("FLOA") || has("DOUB") || has("NUM") || has("DEC") {
            Kind::Number
        } else if has("BLOB") {
            Kind::Blob
        } else {
            Kind::Text
        };
        (kind, affinity)
    }
}

/// The log table: its name, its columns in declared order, and what the service needs to know of them.
#[derive(Debug, Clone)]
pub struct Schema {
    table: String,
    columns: Vec<Column>,
    by_name: HashMap<String, ColumnId>,
    row_id_name: String,
    row_id_column: Option<ColumnId>,
    timestamp: ColumnId,
    timestamp_indexed: bool,
}

impl Schema {
    /// Assembles a schema.
    ///
    /// `row_id_name` is the name by which SQL reaches the integer row id: an INTEGER PRIMARY KEY column
    /// (then `row_id_column` is that column) or one of SQLite's own names that no column hides.
    /// `timestamp_indexed` says whether an index starts with the timestamp column.
    #[must_use]
    pub fn new(
        table: String,
        columns: Vec<Column>,
        row_id: (String, Option<ColumnId>),
        timestamp: (ColumnId, bool),
    ) -> Self {
        let by_name = columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.name.clone(), ColumnId(at)))
            .collect();
        Self {
            table,
            columns,
            by_name,
            row_id_name: row_id.0,
            row_id_column: row_id.1,
            timestamp: timestamp.0,
            timestamp_indexed: timestamp.1,
        }
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// All columns in declared order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column at `id`.
    ///
    /// # Panics
    /// When `id` comes from another schema.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a ColumnId is only made by the schema it indexes")]
    pub fn column(&self, id: ColumnId) -> &Column {
        &self.columns[id.0]
    }

    /// The column of exactly this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ColumnId> {
        self.by_name.get(name).copied()
    }

    /// All column ids in declared order.
    pub fn ids(&self) -> impl Iterator<Item = ColumnId> + use<> {
        (0..self.columns.len()).map(ColumnId)
    }

    /// All column names in declared order, for messages.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The name by which SQL reaches the row id.
    #[must_use]
    pub fn row_id_name(&self) -> &str {
        &self.row_id_name
    }

    /// The column that is the row id, if the user declared one.
    #[must_use]
    pub fn row_id_column(&self) -> Option<ColumnId> {
        self.row_id_column
    }

    /// The column that orders and ages entries.
    #[must_use]
    pub fn timestamp(&self) -> ColumnId {
        self.timestamp
    }

    /// Whether an index starts with the timestamp column.
    #[must_use]
    pub fn timestamp_indexed(&self) -> bool {
        self.timestamp_indexed
    }

    /// Whether an entry may set this column: neither the row id nor a generated column.
    #[must_use]
    pub fn is_writable(&self, id: ColumnId) -> bool {
        self.row_id_column != Some(id) && !self.column(id).generated
    }
}

/// `name` as an SQL identifier, quoted so that any character is safe in it.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_get_the_kind_that_clients_know() {
        for (declared, kind, affinity) in [
            ("INTEGER", Kind::Integer, Affinity::Numeric),
            ("DATETIME", Kind::Datetime, Affinity::Numeric),
            ("TIMESTAMP", Kind::Datetime, Affinity::Numeric),
            ("TEXT", Kind::Text, Affinity::Text),
            ("varchar(20)", Kind::Text, Affinity::Text),
            ("JSON", Kind::Json, Affinity::Numeric),
            ("BOOLEAN", Kind::Boolean, Affinity::Numeric),
            ("REAL", Kind::Number, Affinity::Numeric),
            ("BLOB", Kind::Blob, Affinity::Blob),
            ("", Kind::Text, Affinity::Blob),
        ] {
            assert_eq!(Column::kind_and_affinity(declared), (kind, affinity), "{declared}");
        }
    }

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }
}
