//! Cursors as text: opaque to clients, safe in a URL.
//!
//! Format: a letter for the timestamp's type, the timestamp, a `.`, the row id. Text is hexadecimal, a real number
//! the hexadecimal form of its bits.

use super::error::ApiError;
use crate::domain::{Cursor, Literal, RowId};

/// Writes a cursor.
pub(super) fn encode(cursor: &Cursor) -> String {
    let id = cursor.row_id.0;
    match &cursor.timestamp {
        Literal::Null => format!("n.{id}"),
        Literal::Integer(integer) => format!("i{integer}.{id}"),
        Literal::Real(real) => format!("r{:x}.{id}", real.to_bits()),
        Literal::Text(text) => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("t{hex}.{id}")
        }
    }
}

/// Reads a cursor that [`encode`] wrote.
pub(super) fn decode(text: &str) -> Result<Cursor, ApiError> {
    parse(text).ok_or_else(|| {
        ApiError::bad_request(format!(
            "`cursor`: `{text}` is none; use the `cursor` of the previous answer as it is"
        ))
    })
}

fn parse(text: &str) -> Option<Cursor> {
    let (timestamp, id) = text.split_once('.')?;
    let row_id = RowId(id.parse().ok()?);
    let value = timestamp.get(1..)?;
    let timestamp = match timestamp.get(..1)? {
        "n" if value.is_empty() => Literal::Null,
        "i" => Literal::Integer(value.parse().ok()?),
        "r" => Literal::Real(f64::from_bits(u64::from_str_radix(value, 16).ok()?)),
        "t" => Literal::Text(text_from_hex(value)?),
        _ => return None,
    };
    Some(Cursor { timestamp, row_id })
}

fn text_from_hex(hex: &str) -> Option<String> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    rest.is_empty().then_some(())?;
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for timestamp in [
            Literal::Null,
            Literal::Integer(-5),
            Literal::Real(0.1),
            Literal::Text("2024-01-01T00:00:00+02:00 é".into()),
        ] {
            let cursor = Cursor { timestamp, row_id: RowId(42) };
            assert_eq!(parse(&encode(&cursor)), Some(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "n", "x1.2", "tzz.1", "t1.1", "i1.x", "nx.1", "é.1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
