//! Whether a database file is fit to be served, before anything is written to it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tracing::warn;

use super::StoreError;

/// Of a file up to this size each page is read at start; that takes well under a second.
const FULL_CHECK_BYTES: u64 = 32 << 20;
/// The database header (<https://sqlite.org/fileformat2.html#the_database_header>).
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Findings to ask for: the first ones may be no damage.
const FINDINGS: usize = 50;

/// Looks at the bytes of the file, if there is one: can it be written, is it a database, and is it all there.
pub(super) fn check_file(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::file(path, source);
    // For writing, too: SQLite would settle for reading, and leave files beside it that can't be written either.
    let mut file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let size = file.metadata().map_err(failed)?.len();
    if size == 0 {
        return Ok(());
    }
    let mut header = [0; HEADER_BYTES];
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(MAGIC) => {}
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(failed(error)),
        _ => return Err(StoreError::NotADatabase { path: path.to_owned() }),
    }
    // What is missing may be in a log that SQLite has not copied back yet.
    if ["-wal", "-journal"].iter().any(|suffix| is_filled(&beside(path, suffix))) {
        return Ok(());
    }
    match expected_bytes(&header) {
        Some(expected) if expected > size => Err(StoreError::Corrupt {
            path: path.to_owned(),
            detail: format!("it has {size} of {expected} bytes"),
        }),
        _ => Ok(()),
    }
}

/// Reads the schema.
pub(super) fn check_schema(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0))
        .map(|_| ())
        .map_err(|source| StoreError::at(path, source))
}

/// Reads the schema and, of a small file, each page.
pub(super) fn check_contents(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    check_schema(connection, path)?;
    if std::fs::metadata(path).map_or(0, |metadata| metadata.len()) > FULL_CHECK_BYTES {
        return Ok(());
    }
    let findings = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA quick_check({FINDINGS})"))?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let findings = findings().map_err(|source| StoreError::at(path, source))?;
    let (odd_rows, damage): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .filter(|finding| finding != "ok")
        .partition(|finding| is_about_a_row(finding));
    if let Some(finding) = odd_rows.first() {
        warn!(path = %path.display(), finding, "rows that their table's constraints would refuse now");
    }
    match damage.into_iter().next() {
        Some(finding) => {
            Err(StoreError::Corrupt { path: path.to_owned(), detail: finding.replace('\n', " ") })
        }
        None => Ok(()),
    }
}

/// Begins to write and takes it back.
pub(super) fn check_writable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if connection.is_readonly("main").map_err(|source| StoreError::at(path, source))? {
        return Err(StoreError::ReadOnly { path: path.to_owned() });
    }
    connection
        .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        .map_err(|source| StoreError::at(path, source))
}

/// Findings about values, which an older schema or a PRAGMA let in: the file is sound.
fn is_about_a_row(finding: &str) -> bool {
    finding.contains(" value in ") || finding.starts_with("CHECK constraint failed in ")
}

/// The file size that the header tells, if it can be relied on.
fn expected_bytes(header: &[u8; HEADER_BYTES]) -> Option<u64> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?))
    };
    let page_size = match u16::from_be_bytes(header.get(16..18)?.try_into().ok()?) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    // The page count is valid only if the change counter is the one it was written with.
    (number(24)? == number(92)?).then_some(u64::from(number(28)?) * page_size)
}

fn is_filled(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
