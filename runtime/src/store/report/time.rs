//! Moments: reads what is in the timestamp column, and writes them as ISO 8601 (UTC).

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use serde::Serializer;

use crate::domain::UnixMicros;

/// The moment that a stored timestamp means, as retention reads it; none when it can't be read.
pub(super) fn moment(value: ValueRef<'_>) -> Option<Timestamp> {
    let micros = match value {
        ValueRef::Integer(number) => UnixMicros::from_integer(number),
        ValueRef::Real(number) => UnixMicros::from_real(number)?,
        ValueRef::Text(text) => UnixMicros::from_text(text)?,
        ValueRef::Null | ValueRef::Blob(_) => return None,
    };
    Timestamp::from_microsecond(micros.0).ok()
}

/// Writes a moment into JSON.
pub(super) fn write<S: Serializer>(moment: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(moment)
}

/// Writes a moment, or null, into JSON.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn write_option<S: Serializer>(
    moment: &Option<Timestamp>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => out.collect_str(moment),
        None => out.serialize_none(),
    }
}
