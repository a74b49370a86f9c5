//! Values where SQLite's affinities would change them: in a compressed column's cell, and in the dictionary.
//!
//! A numeric affinity makes the text `007` the number 7, and in a cell a number is an id. What would be changed or
//! mistaken is stored as a BLOB: [`MAGIC`], a letter for the type, then the value as text
//! (<https://sqlite.org/datatype3.html#type_affinity>).

use rusqlite::types::{Value, ValueRef};

/// How a value begins that is stored as a BLOB.
pub(in crate::store) const MAGIC: &[u8; 4] = b"\0LGL";
const INTEGER: u8 = b'i';
const REAL: u8 = b'r';
const TEXT: u8 = b't';

/// A value as a cell holds it that is not in the dictionary, so that it is not taken for an id. BLOBs stay as they are.
pub(in crate::store) fn to_cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(integer) => escaped(INTEGER, integer.to_string().as_bytes()),
        ValueRef::Real(real) => escaped(REAL, format!("{real:?}").as_bytes()),
        other => to_dictionary(other),
    }
}

/// Whether [`to_cell`] leaves the value as it is.
pub(in crate::store) fn is_as_is(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Integer(_) | ValueRef::Real(_) => false,
        ValueRef::Text(text) => !looks_numeric(text),
        ValueRef::Null | ValueRef::Blob(_) => true,
    }
}

/// A value as the dictionary holds it. A real without a fraction becomes an integer there, as in a plain column.
pub(in crate::store) fn to_dictionary(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Text(text) if looks_numeric(text) => escaped(TEXT, text),
        other => owned(other),
    }
}

/// The value as it is, with its text or bytes copied.
pub(in crate::store) fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// The value that a cell or a dictionary row holds; none for what is stored as it is.
pub(in crate::store) fn unescaped(value: ValueRef<'_>) -> Option<Value> {
    let ValueRef::Blob(bytes) = value else { return None };
    let (kind, text) = bytes.strip_prefix(MAGIC)?.split_first()?;
    let text = str::from_utf8(text).ok()?;
    match *kind {
        INTEGER => text.parse().ok().map(Value::Integer),
        REAL => text.parse().ok().map(Value::Real),
        TEXT => Some(Value::Text(text.to_owned())),
        _ => None,
    }
}

/// What clients see of an escaped value; none for what is stored as it is. A real without a fraction is an integer, as in
/// a plain column and in the dictionary.
pub(in crate::store) fn shown(value: ValueRef<'_>) -> Option<Value> {
    match unescaped(value)? {
        Value::Real(real) => Some(stored_real(real)),
        other => Some(other),
    }
}

/// What comparisons see of an escaped value: text that looks like a number is one; none for what is stored as it is.
pub(in crate::store) fn compared(value: ValueRef<'_>) -> Option<Value> {
    match shown(value)? {
        Value::Text(text) => Some(as_number(&text).unwrap_or(Value::Text(text))),
        other => Some(other),
    }
}

/// The number that a numeric affinity makes of a text, if it makes one.
pub(in crate::store) fn as_number(text: &str) -> Option<Value> {
    let text = text.trim_matches(|c| matches!(c, '\t'..='\r' | ' '));
    // `inf` and `nan` are numbers for Rust.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    let integer = text.parse().ok().map(Value::Integer);
    integer.or_else(|| text.parse().ok().map(stored_real))
}

/// A real as a column of integer affinity stores it.
#[expect(clippy::cast_possible_truncation, reason = "compared with what it was afterwards")]
#[expect(clippy::cast_precision_loss, reason = "a real that has changed is not taken")]
#[expect(clippy::float_cmp, reason = "the very same number is meant")]
fn stored_real(real: f64) -> Value {
    let integer = real as i64;
    let is_same = integer as f64 == real && integer > i64::MIN && integer < i64::MAX;
    if is_same { Value::Integer(integer) } else { Value::Real(real) }
}

fn escaped(kind: u8, text: &[u8]) -> Value {
    Value::Blob([MAGIC.as_slice(), &[kind], text].concat())
}

/// Whether a numeric affinity may make a number of the text: white space around, a sign, digits with a point, an exponent.
/// Says yes too often rather than too rarely.
fn looks_numeric(text: &[u8]) -> bool {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
    let begin = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(begin, |last| last + 1);
    let text = text.get(begin..end).unwrap_or_default();
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    text.first().is_some_and(|first| first.is_ascii_digit() || *first == b'.')
        && text.iter().all(is_number)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn values_come_back_from_a_numeric_column_as_they_were() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE t (cell INTEGER, entry JSON)").expect("created");
        for text in [
            "", "INFO", "007", " 12 ", "1e3", "+.5", "-5.", "10.0.0.1", "\u{b}7", "0x10", "1_000",
            "e5",
        ] {
            let value = ValueRef::Text(text.as_bytes());
            connection
                .execute("INSERT INTO t VALUES (?1, ?2)", [to_cell(value), to_dictionary(value)])
                .expect("inserted");
            let found: [Value; 2] = connection
                .query_row("DELETE FROM t RETURNING cell, entry", [], |row| {
                    Ok([0, 1].map(|at| {
                        let stored = row.get_ref(at).expect("a value");
                        unescaped(stored).unwrap_or_else(|| owned(stored))
                    }))
                })
                .expect("a row");
            assert_eq!(found, [Value::Text(text.into()), Value::Text(text.into())], "{text:?}");
        }
    }

    #[test]
    fn an_escaped_text_compares_as_in_a_plain_column() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE t (plain INTEGER)").expect("created");
        for text in [
            "007",
            " 12 ",
            "1e3",
            "+.5",
            "-5.",
            "10.0.0.1",
            ".",
            "-",
            "+-1",
            "1e",
            "1e+",
            "5e-1",
            "0x10",
            "9223372036854775808",
            "-9223372036854775808",
            "1e400",
            "00",
            "-0",
            "-0.0",
            "1.5.2",
            "\t3\n",
        ] {
            let plain: Value = connection
                .query_row("INSERT INTO t VALUES (?1) RETURNING plain", [text], |row| row.get(0))
                .expect("inserted");
            let cell = to_cell(ValueRef::Text(text.as_bytes()));
            let found = compared((&cell).into()).unwrap_or(cell);
            assert_eq!(found, plain, "{text:?}");
        }
    }

    #[test]
    fn numbers_in_a_cell_are_no_ids() {
        for value in [Value::Integer(-5), Value::Real(1.0), Value::Real(0.1)] {
            let cell = to_cell((&value).into());
            assert!(matches!(cell, Value::Blob(_)));
            assert_eq!(unescaped((&cell).into()), Some(value));
        }
    }
}
