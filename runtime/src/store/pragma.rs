//! The PRAGMAs of `sqlite_params`, checked where SQLite itself ignores mistakes.
//!
//! SQLite takes an unknown PRAGMA for nothing and an unknown word for the default; both are errors here. A value that
//! SQLite does not keep, such as a `page_size` for an existing file, is a warning.

use rusqlite::Connection;
use tracing::warn;

use super::StoreError;
use super::fault::Fault;
use super::vacuum::{AutoVacuum, change_mode};
use crate::config::Pragma;

/// PRAGMAs that shape the file, so that they must come before its first page is written.
const SHAPING: [&str; 3] = ["page_size", "encoding", "auto_vacuum"];
/// PRAGMAs that make sense for a connection that only reads.
const READING: [&str; 3] = ["cache_size", "mmap_size", "temp_store"];
/// PRAGMAs that change the file.
const CHANGING: [&str; 11] = [
    "application_id",
    "auto_vacuum",
    "encoding",
    "incremental_vacuum",
    "journal_mode",
    "optimize",
    "page_size",
    "schema_version",
    "user_version",
    "wal_checkpoint",
    "writable_schema",
];
/// PRAGMAs that answer with the number they were set to.
const NUMBERS: [&str; 7] = [
    "busy_timeout",
    "cache_size",
    "journal_size_limit",
    "mmap_size",
    "page_size",
    "threads",
    "wal_autocheckpoint",
];
const EDITS_OF_A_TYPO: usize = 3;

/// Sets up the connection that writes: what loglite needs, then the configured PRAGMAs in file order.
///
/// A changed `auto_vacuum` rewrites the file, but not where the rows of `log_table` would get other ids.
pub(super) fn set_up_writer(
    connection: &Connection,
    params: &[Pragma],
    log_table: &str,
) -> Result<(), StoreError> {
    params.iter().try_for_each(|pragma| check_name(connection, pragma))?;
    let is_set = |name: &str| params.iter().any(|pragma| is(pragma, name));
    // The bundled SQLite is compiled to enforce foreign keys; the earlier generations' was not.
    set_default(connection, "foreign_keys", "OFF")?;
    let (shaping, others): (Vec<_>, Vec<_>) =
        params.iter().partition(|pragma| SHAPING.iter().any(|name| is(pragma, name)));
    for pragma in shaping {
        if is(pragma, "auto_vacuum") {
            set_auto_vacuum(connection, pragma, log_table)?;
        } else {
            set(connection, pragma)?;
        }
    }
    if !is_set("journal_mode") {
        set_default(connection, "journal_mode", "WAL")?;
    }
    if !is_set("wal_autocheckpoint") {
        // Checkpoints run on a connection of their own, so that they don't stall commits.
        set_default(connection, "wal_autocheckpoint", "0")?;
    }
    others.into_iter().try_for_each(|pragma| set(connection, pragma))
}

/// Sets up a connection that reads.
pub(super) fn set_up_reader(connection: &Connection, params: &[Pragma]) -> Result<(), StoreError> {
    params
        .iter()
        .filter(|pragma| READING.iter().any(|name| is(pragma, name)))
        .try_for_each(|pragma| set(connection, pragma))?;
    set_default(connection, "query_only", "ON")
}

/// Sets up a connection as the one that writes, but for what changes the file.
pub(super) fn set_up_unchanging(
    connection: &Connection,
    params: &[Pragma],
) -> Result<(), StoreError> {
    params.iter().try_for_each(|pragma| check_name(connection, pragma))?;
    set_default(connection, "foreign_keys", "OFF")?;
    params
        .iter()
        .filter(|pragma| !CHANGING.iter().any(|name| is(pragma, name)))
        .try_for_each(|pragma| set(connection, pragma))
}

fn is(pragma: &Pragma, name: &str) -> bool {
    pragma.name.eq_ignore_ascii_case(name)
}

fn check_name(connection: &Connection, pragma: &Pragma) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("SELECT name FROM pragma_pragma_list")?;
    let known: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if known.iter().any(|name| is(pragma, name)) {
        return Ok(());
    }
    let wanted = pragma.name.to_ascii_lowercase();
    let nearest = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&name, &wanted), name))
        .min()
        .filter(|(edits, _)| *edits <= EDITS_OF_A_TYPO)
        .map(|(_, name)| name);
    Err(StoreError::UnknownPragma { name: pragma.name.clone(), nearest })
}

fn set_default(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    set(connection, &Pragma { name: name.to_owned(), value: value.to_owned() })
}

fn set(connection: &Connection, pragma: &Pragma) -> Result<(), StoreError> {
    if is(pragma, "locking_mode") {
        warn!(
            value = pragma.value,
            "locking_mode in `sqlite_params` is not applied: loglite reads through connections of its own; remove it"
        );
        return Ok(());
    }
    let expected = answer_of(pragma)?;
    run(connection, pragma)?;
    let Some(expected) = expected else { return Ok(()) };
    let kept = read(connection, &pragma.name)?;
    if !kept.eq_ignore_ascii_case(&expected) {
        warn!(pragma = pragma.name, wanted = pragma.value, kept, "SQLite keeps another value");
    }
    Ok(())
}

fn set_auto_vacuum(
    connection: &Connection,
    pragma: &Pragma,
    log_table: &str,
) -> Result<(), StoreError> {
    let Some(mode) = AutoVacuum::parse(&pragma.value) else {
        // Says which words there are.
        return set(connection, pragma);
    };
    change_mode(connection, mode, log_table).map_err(|cause| refused(pragma, cause))
}

/// What SQLite answers when it has taken the value; `None` where that can't be said.
fn answer_of(pragma: &Pragma) -> Result<Option<String>, StoreError> {
    if NUMBERS.iter().any(|name| is(pragma, name)) {
        return Ok(pragma.value.parse::<i64>().is_ok().then(|| pragma.value.clone()));
    }
    let words: &[(&str, &str)] = match pragma.name.to_ascii_lowercase().as_str() {
        "auto_vacuum" => &[("NONE", "0"), ("FULL", "1"), ("INCREMENTAL", "2")],
        "journal_mode" => &[
            ("DELETE", "delete"),
            ("TRUNCATE", "truncate"),
            ("PERSIST", "persist"),
            ("MEMORY", "memory"),
            ("WAL", "wal"),
            ("OFF", "off"),
        ],
        "synchronous" => {
            &[("OFF", "0"), ("NORMAL", "1"), ("FULL", "2"), ("EXTRA", "3"), ("ON", "1")]
        }
        "temp_store" => &[("DEFAULT", "0"), ("FILE", "1"), ("MEMORY", "2")],
        "foreign_keys" | "query_only" => {
            &[("OFF", "0"), ("ON", "1"), ("FALSE", "0"), ("TRUE", "1"), ("NO", "0"), ("YES", "1")]
        }
        _ => return Ok(None),
    };
    let found = words.iter().find(|(word, answer)| {
        word.eq_ignore_ascii_case(&pragma.value) || answer.eq_ignore_ascii_case(&pragma.value)
    });
    let Some((_, answer)) = found else {
        let expected = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let Pragma { name, value } = pragma.clone();
        return Err(StoreError::PragmaValue { name, value, expected });
    };
    Ok(Some((*answer).to_owned()))
}

fn run(connection: &Connection, pragma: &Pragma) -> Result<(), StoreError> {
    let execute = || -> rusqlite::Result<()> {
        // In quotes any value is one value; SQLite reads numbers and words out of them.
        let value = pragma.value.replace('\'', "''");
        let mut statement = connection.prepare(&format!("PRAGMA {}='{value}'", pragma.name))?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    };
    execute().map_err(|cause| refused(pragma, cause))
}

/// A PRAGMA is to blame only for what is not the state of the disk or the file.
fn refused(pragma: &Pragma, cause: rusqlite::Error) -> StoreError {
    if Fault::of(&cause) != Fault::Other {
        return cause.into();
    }
    let Pragma { name, value } = pragma.clone();
    StoreError::Pragma { name, value, cause }
}

/// The PRAGMA's value as text.
fn read(connection: &Connection, name: &str) -> Result<String, StoreError> {
    let value = connection
        .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))?;
    Ok(match value {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(name: &str, value: &str) -> Pragma {
        Pragma { name: name.to_owned(), value: value.to_owned() }
    }

    fn set_up(params: &[Pragma]) -> Result<Connection, StoreError> {
        let connection = Connection::open_in_memory()?;
        set_up_writer(&connection, params, "Log")?;
        Ok(connection)
    }

    #[test]
    fn a_misspelt_pragma_is_an_error_with_its_nearest_name() {
        let error = set_up(&[pragma("synchronus", "FULL")]).expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown PRAGMA `synchronus` in `sqlite_params`; did you mean `synchronous`?"
        );
    }

    #[test]
    fn a_word_that_the_pragma_does_not_know_is_an_error() {
        let error = set_up(&[pragma("synchronous", "FULLL")]).expect_err("no such word");
        assert!(error.to_string().contains("OFF, NORMAL, FULL, EXTRA"), "{error}");
    }

    #[test]
    fn words_and_numbers_are_applied() {
        let params = [
            pragma("Synchronous", "full"),
            pragma("cache_size", "-2000"),
            pragma("temp_store", "2"),
        ];
        let connection = set_up(&params).expect("accepted");
        let answers =
            ["synchronous", "cache_size", "temp_store", "wal_autocheckpoint", "foreign_keys"]
                .map(|name| read(&connection, name).expect("answer"));
        assert_eq!(answers, ["2", "-2000", "2", "0", "0"]);
    }

    #[test]
    fn a_value_can_not_smuggle_in_sql() {
        let connection =
            set_up(&[pragma("cache_size", "1; CREATE TABLE t (a)")]).expect("one value");
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .expect("count");
        assert_eq!(tables, 0);
    }
}
