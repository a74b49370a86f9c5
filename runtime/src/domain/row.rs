//! Rows on their way to the writer: entries bound to the schema, packed one after another into one buffer.
//!
//! Format of a row: one value per writable column of the schema, in declared order. A value is a tag byte, then
//! for integers and reals 8 bytes little-endian, for text a length of 4 bytes little-endian and the UTF-8 bytes.
//! It never leaves the process.

const MISSING: u8 = 0;
const NULL: u8 = 1;
const INTEGER: u8 = 2;
const REAL: u8 = 3;
const TEXT: u8 = 4;

/// The integer key of a stored row. Ids rise in commit order and are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct RowId(pub i64);

/// One column's value in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// The entry did not name the column: it takes the column's DEFAULT.
    Missing,
    /// The entry says null.
    Null,
    /// A whole number, or a boolean as 0 or 1.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text, or an object or array as compact JSON.
    Text(&'a str),
}

/// Rows of one source, packed. Each row keeps its entry's index for the receipt.
#[derive(Debug, Clone, Default)]
pub struct RowBatch {
    bytes: Vec<u8>,
    rows: Vec<PackedRow>,
}

#[derive(Debug, Clone, Copy)]
struct PackedRow {
    end: usize,
    index: usize,
}

/// Packs rows, value by value.
#[derive(Debug, Default)]
pub struct RowBatchBuilder {
    batch: RowBatch,
}

/// One packed row.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The position of its entry in what the source handed over.
    pub index: usize,
    bytes: &'a [u8],
}

impl RowBatchBuilder {
    /// A builder with room for this many bytes of values.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { batch: RowBatch { bytes: Vec::with_capacity(bytes), rows: Vec::new() } }
    }

    /// Appends a value to the row under construction.
    pub fn push(&mut self, value: Value<'_>) {
        let bytes = &mut self.batch.bytes;
        match value {
            Value::Missing => bytes.push(MISSING),
            Value::Null => bytes.push(NULL),
            Value::Integer(integer) => {
                bytes.push(INTEGER);
                bytes.extend_from_slice(&integer.to_le_bytes());
            }
            Value::Real(real) => {
                bytes.push(REAL);
                bytes.extend_from_slice(&real.to_le_bytes());
            }
            Value::Text(text) => {
                bytes.push(TEXT);
                let length =
                    u32::try_from(text.len()).expect("bodies are limited to less than 4 GB");
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// Ends the row that was built from the entry at `index`.
    pub fn finish_row(&mut self, index: usize) {
        let end = self.batch.bytes.len();
        self.batch.rows.push(PackedRow { end, index });
    }

    /// Takes back the values of a row that turned out to be none.
    pub fn abandon_row(&mut self) {
        let end = self.batch.rows.last().map_or(0, |row| row.end);
        self.batch.bytes.truncate(end);
    }

    /// Appends a row that was packed for the same schema.
    pub fn push_row(&mut self, row: &RowView<'_>) {
        self.batch.bytes.extend_from_slice(row.bytes);
        self.finish_row(row.index);
    }

    /// Takes back all but the first `rows` complete rows, and the row under construction.
    pub fn truncate(&mut self, rows: usize) {
        self.batch.rows.truncate(rows);
        self.abandon_row();
    }

    /// The size of what was packed so far, in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.batch.byte_len()
    }

    /// How many rows are complete.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether no row is complete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The complete rows.
    #[must_use]
    pub fn build(self) -> RowBatch {
        self.batch
    }
}

impl RowBatch {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the rows occupy in memory, in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<PackedRow>()
    }

    /// From the first row's entry index to the last one's; entries between them may be in no row.
    #[must_use]
    pub fn index_range(&self) -> std::ops::RangeInclusive<usize> {
        let index = |row: Option<&PackedRow>| row.map_or(0, |row| row.index);
        index(self.rows.first())..=index(self.rows.last())
    }

    /// The rows in the order they were packed.
    pub fn rows(&self) -> impl Iterator<Item = RowView<'_>> {
        let mut start = 0;
        self.rows.iter().map(move |row| {
            let bytes = self.bytes.get(start..row.end).unwrap_or_default();
            start = row.end;
            RowView { index: row.index, bytes }
        })
    }
}

impl<'a> RowView<'a> {
    /// The row's values, one per writable column in declared order.
    #[must_use]
    pub fn values(&self) -> Values<'a> {
        Values { bytes: self.bytes }
    }
}

/// Iterates over a packed row.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    bytes: &'a [u8],
}

impl<'a> Values<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn take_text(&mut self) -> Option<&'a str> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        str::from_utf8(text).ok()
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        Some(match self.take::<1>()? {
            [MISSING] => Value::Missing,
            [INTEGER] => Value::Integer(i64::from_le_bytes(self.take()?)),
            [REAL] => Value::Real(f64::from_le_bytes(self.take()?)),
            [TEXT] => Value::Text(self.take_text()?),
            _ => Value::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_packed() {
        let first = [Value::Text("a"), Value::Missing, Value::Integer(-1)];
        let second = [Value::Text(""), Value::Null, Value::Real(0.5)];
        let mut builder = RowBatchBuilder::default();
        for (index, row) in [(0, first), (7, second)] {
            row.into_iter().for_each(|value| builder.push(value));
            builder.finish_row(index);
        }

        let batch = builder.build();

        let rows: Vec<_> =
            batch.rows().map(|row| (row.index, row.values().collect::<Vec<_>>())).collect();
        assert_eq!(rows, vec![(0, first.to_vec()), (7, second.to_vec())]);
    }
}
