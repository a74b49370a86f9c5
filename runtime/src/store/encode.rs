//! Rows from the statement straight to bytes: JSON objects or CSV records.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde::de::IgnoredAny;

use super::dictionary::{Cell, CellError, ColumnState, Decoder, ValueCache};
use super::{LostValue, StoreError};
use crate::config::JsonColumns;
use crate::domain::{ColumnId, Kind, RowId, Schema};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// JSON objects separated by commas: the inside of an array.
    JsonItems,
    /// One JSON object per line.
    NdJson,
    /// CSV with CRLF line ends (<https://www.rfc-editor.org/rfc/rfc4180>); the caller writes the header.
    Csv,
}

/// Writes rows with certain fields in one format.
#[derive(Debug, Clone)]
pub struct RowEncoder {
    format: RowFormat,
    fields: Vec<EncodedField>,
    values: Arc<ValueCache>,
}

#[derive(Debug, Clone)]
struct EncodedField {
    /// `"name":`, ready to be copied.
    key: String,
    name: String,
    column: ColumnId,
    is_json: bool,
}

impl RowEncoder {
    /// An encoder for rows whose first values are these fields.
    #[must_use]
    pub fn new(
        schema: &Schema,
        fields: &[ColumnId],
        format: RowFormat,
        json_columns: JsonColumns,
    ) -> Self {
        let fields = fields
            .iter()
            .map(|id| (*id, schema.column(*id)))
            .map(|(id, column)| EncodedField {
                key: format!("{}:", serde_json::Value::from(column.name.as_str())),
                name: column.name.clone(),
                column: id,
                is_json: column.kind == Kind::Json && json_columns == JsonColumns::Json,
            })
            .collect();
        Self { format, fields, values: Arc::default() }
    }

    /// What comes before the first row: the header line of CSV.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.format == RowFormat::Csv {
            for (at, field) in self.fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                csv_text(&mut out, field.name.as_bytes());
            }
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// A writer for rows of the connection's snapshot, in which the columns have these states.
    pub(super) fn writer<'s>(
        &'s self,
        (connection, schema): (&'s Connection, &'s Schema),
        states: &[ColumnState],
    ) -> RowWriter<'s> {
        let columns: Vec<_> = self.fields.iter().map(|field| field.column).collect();
        let decoder = Decoder::new(connection, (schema, &columns), states, &self.values);
        RowWriter { encoder: self, decoder }
    }

    /// The same, with values of compressed columns from a cache that others share.
    pub(super) fn sharing(mut self, values: Arc<ValueCache>) -> Self {
        self.values = values;
        self
    }
}

/// Writes rows of one snapshot.
#[derive(Debug)]
pub(super) struct RowWriter<'s> {
    encoder: &'s RowEncoder,
    /// None when the fields are stored as they are.
    decoder: Option<Decoder<'s>>,
}

impl RowWriter<'_> {
    /// How many values of a row are written.
    pub(super) fn field_count(&self) -> usize {
        self.encoder.fields.len()
    }

    /// Appends a row. `first` says whether it is the first of an array.
    ///
    /// # Errors
    /// [`StoreError::LostValue`] when a value is not in the dictionary, or SQLite's error. What was appended before
    /// is to be thrown away then.
    pub(super) fn write(
        &mut self,
        row: &Row<'_>,
        first: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        match self.encoder.format {
            RowFormat::Csv => {
                for at in 0..self.encoder.fields.len() {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.csv_field(row, at, out)?;
                }
                out.extend_from_slice(b"\r\n");
            }
            RowFormat::NdJson => {
                self.json_object(row, out)?;
                out.push(b'\n');
            }
            RowFormat::JsonItems => {
                if !first {
                    out.push(b',');
                }
                self.json_object(row, out)?;
            }
        }
        Ok(())
    }

    fn json_object(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.push(b'{');
        for (at, field) in self.encoder.fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(field.key.as_bytes());
            let is_json = field.is_json;
            match decode(&mut self.decoder, field, row, at)? {
                Cell::Itself(value) => json_value(out, value, is_json),
                Cell::Unescaped(value) => json_value(out, (&value).into(), is_json),
                Cell::Known(known) => out.extend_from_slice(&known.json),
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn csv_field(&mut self, row: &Row<'_>, at: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(field) = self.encoder.fields.get(at) else { return Ok(()) };
        match decode(&mut self.decoder, field, row, at)? {
            Cell::Itself(value) => csv_value(out, value),
            Cell::Unescaped(value) => csv_value(out, (&value).into()),
            Cell::Known(known) => csv_value(out, (&known.value).into()),
        }
        Ok(())
    }
}

/// What the field at `at` stands for. The row id is the second value behind the fields.
fn decode<'r>(
    decoder: &mut Option<Decoder<'_>>,
    field: &EncodedField,
    row: &'r Row<'_>,
    at: usize,
) -> Result<Cell<'r>, StoreError> {
    let value = row.get_ref(at)?;
    let Some(decoder) = decoder else { return Ok(Cell::Itself(value)) };
    let to_json = |value: ValueRef<'_>| {
        let mut json = Vec::new();
        json_value(&mut json, value, field.is_json);
        json
    };
    decoder.decode(at, value, to_json).map_err(|error| match error {
        CellError::Sqlite(cause) => cause.into(),
        CellError::Lost { value_id } => {
            let row_id = row.get(decoder.field_count() + 1).map(RowId).unwrap_or_default();
            LostValue { column: field.name.clone(), value_id, row_id }.into()
        }
    })
}

fn json_value(out: &mut Vec<u8>, value: ValueRef<'_>, is_json: bool) {
    match value {
        ValueRef::Text(text) if is_json && is_valid_json(text) => json_text(out, text),
        ValueRef::Text(text) => json_string(out, &String::from_utf8_lossy(text)),
        ValueRef::Integer(integer) => append(out, format_args!("{integer}")),
        // JSON has no infinity; SQLite stores no NaN.
        ValueRef::Real(real) if real.is_finite() => json_real(out, real),
        ValueRef::Real(_) | ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Blob(blob) => json_string(out, &hex(blob)),
    }
}

/// Valid JSON as it is stored, on one line: line ends in it are white space between its parts.
fn json_text(out: &mut Vec<u8>, text: &[u8]) {
    let on_one_line = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    match memchr::memchr2(b'\n', b'\r', text) {
        None => out.extend_from_slice(text),
        Some(_) => out.extend(text.iter().map(on_one_line)),
    }
}

fn json_real(out: &mut Vec<u8>, real: f64) {
    append(out, format_args!("{}", serde_json::Value::from(real)));
}

fn json_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to a Vec can't fail");
}

fn is_valid_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok() && str::from_utf8(text).is_ok()
}

fn csv_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => {}
        ValueRef::Integer(integer) => append(out, format_args!("{integer}")),
        ValueRef::Real(real) => append(out, format_args!("{real}")),
        ValueRef::Text(text) => csv_text(out, text),
        ValueRef::Blob(blob) => out.extend_from_slice(hex(blob).as_bytes()),
    }
}

/// Quotes where RFC 4180 asks for it, and empty text, so that it differs from NULL.
fn csv_text(out: &mut Vec<u8>, text: &[u8]) {
    let plain = !text.is_empty() && !text.iter().any(|byte| b",\"\r\n".contains(byte));
    if plain {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

fn append(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("writing to a Vec can't fail");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String can't fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: ValueRef<'_>, is_json: bool) -> String {
        let mut out = Vec::new();
        json_value(&mut out, value, is_json);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_json_column_is_json_and_its_broken_text_a_string() {
        assert_eq!(json(ValueRef::Text(br#"{"a":[1]}"#), true), r#"{"a":[1]}"#);
        assert_eq!(json(ValueRef::Text(b"{\"a\":\r\n1}"), true), "{\"a\":  1}");
        assert_eq!(json(ValueRef::Text(br#"{"a":"#), true), r#""{\"a\":""#);
        assert_eq!(json(ValueRef::Text(br#"{"a":1}"#), false), r#""{\"a\":1}""#);
    }

    #[test]
    fn every_stored_value_has_a_json_form() {
        assert_eq!(json(ValueRef::Real(1.5), false), "1.5");
        assert_eq!(json(ValueRef::Real(f64::INFINITY), false), "null");
        assert_eq!(json(ValueRef::Blob(&[0, 255]), false), "\"00ff\"");
        assert_eq!(json(ValueRef::Text(&[b'a', 0xff]), false), "\"a\u{fffd}\"");
    }

    #[test]
    fn csv_quotes_what_needs_it_and_tells_empty_from_null() {
        let mut out = Vec::new();
        csv_value(&mut out, ValueRef::Text(b"a,\"b\""));
        csv_value(&mut out, ValueRef::Null);
        csv_value(&mut out, ValueRef::Text(b""));
        assert_eq!(out, b"\"a,\"\"b\"\"\"\"\"");
    }
}
