//! What values take in a record (<https://sqlite.org/fileformat2.html#record_format>).

use rusqlite::types::ValueRef;

/// The bytes of a value in a record, its type in the record's header included.
pub(super) fn stored_bytes(value: ValueRef<'_>) -> u64 {
    match value {
        ValueRef::Null => 1,
        ValueRef::Integer(integer) => 1 + integer_bytes(integer),
        // A real without a fraction is stored as an integer.
        ValueRef::Real(real) if real.fract() == 0.0 && real.abs() < 1e15 => {
            1 + integer_bytes(real as i64)
        }
        ValueRef::Real(_) => 9,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let length = bytes.len() as u64;
            length + varint_bytes(2 * length + 13)
        }
    }
}

/// The bytes of an integer beside its type; 0 and 1 are types of their own.
pub(super) fn integer_bytes(integer: i64) -> u64 {
    if matches!(integer, 0 | 1) {
        return 0;
    }
    match if integer < 0 { !integer } else { integer } {
        0..0x80 => 1,
        0x80..0x8000 => 2,
        0x8000..0x80_0000 => 3,
        0x80_0000..0x8000_0000 => 4,
        0x8000_0000..0x8000_0000_0000 => 6,
        _ => 8,
    }
}

fn varint_bytes(number: u64) -> u64 {
    u64::from(64 - number.leading_zeros()).div_ceil(7).max(1)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// The bytes that dbstat counts for a row of this value beyond those of a row of NULL.
    fn counted(literal: &str) -> i64 {
        let payload = |literal: &str| -> i64 {
            let connection = Connection::open_in_memory().expect("memory");
            let sql = format!("CREATE TABLE t (a); INSERT INTO t VALUES ({literal})");
            connection.execute_batch(&sql).expect("a row");
            let sql = "SELECT payload FROM dbstat WHERE name = 't'";
            connection.query_row(sql, [], |row| row.get(0)).expect("a page")
        };
        payload(literal) - payload("NULL")
    }

    #[test]
    fn sizes_are_those_that_sqlite_counts() {
        let text = "x".repeat(200);
        for (literal, value) in [
            ("0", ValueRef::Integer(0)),
            ("1", ValueRef::Integer(1)),
            ("-1", ValueRef::Integer(-1)),
            ("127", ValueRef::Integer(127)),
            ("-129", ValueRef::Integer(-129)),
            ("1000000", ValueRef::Integer(1_000_000)),
            ("1700000000000", ValueRef::Integer(1_700_000_000_000)),
            ("0.5", ValueRef::Real(0.5)),
            ("''", ValueRef::Text(b"")),
            ("'INFO'", ValueRef::Text(b"INFO")),
            ("printf('%.*c', 200, 'x')", ValueRef::Text(text.as_bytes())),
        ] {
            let expected = stored_bytes(value).cast_signed() - 1;
            assert_eq!(counted(literal), expected, "{literal}");
        }
    }
}
