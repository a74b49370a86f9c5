//! SQL functions that look into escaped values ([`super::cell`]), for filters.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;

use super::cell::{compared, owned, shown};

/// Gives the value that a comparison sees: as in a plain column of numeric affinity, text that looks like a number is
/// one.
pub(super) const COMPARED: &str = "loglite_compared";
/// Gives the value that clients see.
pub(super) const SHOWN: &str = "loglite_shown";

/// Makes the functions known to a connection.
pub(in crate::store) fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(COMPARED, 1, flags, |context| {
        let cell = context.get_raw(0);
        Ok::<Value, rusqlite::Error>(compared(cell).unwrap_or_else(|| owned(cell)))
    })?;
    connection.create_scalar_function(SHOWN, 1, flags, |context| {
        let cell = context.get_raw(0);
        Ok::<Value, rusqlite::Error>(shown(cell).unwrap_or_else(|| owned(cell)))
    })
}
