//! The function behind the filter `~=` for long texts: whether a text contains another one.
//!
//! It takes upper and lower case of a–z as the same, as LIKE does. LIKE begins anew at each character, which on long
//! values takes minutes, in which no deadline is looked at; the function reads each value once. Short texts are left to
//! LIKE, which is a third faster with them.

use std::cell::RefCell;
use std::convert::Infallible;

use memchr::memmem::Finder;
use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

/// Its name in SQL.
pub(super) const CONTAINS: &str = "loglite_contains";

/// Up to this length LIKE takes no more than about a second on the longest value.
const MOST_FOR_LIKE: usize = 32;

/// A larger buffer is given back after use.
const KEPT_BYTES: usize = 1 << 20;

/// Whether LIKE finds this text fast enough. It takes a NUL for the end of the text.
pub(super) fn is_for_like(needle: &str) -> bool {
    needle.len() <= MOST_FOR_LIKE && !needle.contains('\0')
}

/// Makes the function known to a connection. Its first argument is a text or NULL, its second one the text to find.
pub(super) fn add_contains(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let lowered = RefCell::new(Vec::new());
    connection.create_scalar_function(CONTAINS, 2, flags, move |context| {
        contains(context, &mut lowered.borrow_mut())
    })
}

/// NULL contains nothing and lacks nothing.
fn contains(context: &Context<'_>, lowered: &mut Vec<u8>) -> rusqlite::Result<Option<bool>> {
    let Some(haystack) = bytes_of(context.get_raw(0)) else { return Ok(None) };
    // SQLite keeps it from row to row.
    let finder = context.get_or_create_aux(1, finder_of)?;
    lowered.clear();
    lowered.shrink_to(KEPT_BYTES);
    lowered.extend_from_slice(haystack);
    lowered.make_ascii_lowercase();
    Ok(Some(finder.find(lowered).is_some()))
}

fn finder_of(needle: ValueRef<'_>) -> Result<Finder<'static>, Infallible> {
    let needle = bytes_of(needle).unwrap_or_default().to_ascii_lowercase();
    Ok(Finder::new(&needle).into_owned())
}

/// The bytes of a text; the queries cast everything else to one.
fn bytes_of(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("memory");
        add_contains(&connection).expect("added");
        connection
    }

    /// The answers of the function and of LIKE for a value that is given as SQL.
    fn answers(value: &str, needle: &str) -> (Option<bool>, Option<bool>) {
        let sql = format!(
            "SELECT {CONTAINS}(CAST(v AS TEXT), ?1), v LIKE '%' || ?1 || '%' FROM (SELECT {value} AS v)"
        );
        connection()
            .query_row(&sql, [needle], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("an answer")
    }

    #[test]
    fn it_answers_as_like_does() {
        let values = [
            "'Disk FULL on /dev/sda'",
            "'Größe'",
            "''",
            "NULL",
            "-1203",
            "0.5",
            "1e300",
            "x'4142ff'",
            "9e18",
        ];
        let needles =
            ["full", "FULL", "Ö", "ö", "ß", "", "120", "3", "0.5", "e+300", "ab", "18", "zz"];
        for value in values {
            for needle in needles {
                let (ours, theirs) = answers(value, needle);
                assert_eq!(ours, theirs, "{needle} in {value}");
            }
        }
    }

    #[test]
    fn it_looks_behind_a_nul_and_takes_wildcards_as_they_are() {
        assert_eq!(answers("'a' || char(0) || 'b'", "b").0, Some(true));
        assert_eq!(answers("'100 %'", "0 %").0, Some(true));
        assert_eq!(answers("'100'", "1%0").0, Some(false));
        assert_eq!(answers("'100'", "1_0").0, Some(false));
    }

    #[test]
    fn each_row_may_have_another_needle() {
        let sql = format!(
            "SELECT sum({CONTAINS}(column1, column2)) FROM (VALUES ('abc', 'B'), ('abc', 'x'), ('xyz', 'Z'))"
        );
        let count: i64 = connection().query_row(&sql, [], |row| row.get(0)).expect("an answer");
        assert_eq!(count, 2);
    }
}
