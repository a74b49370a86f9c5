//! Whether the disk has room for a VACUUM, and where SQLite puts its temporary copy.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

use rustix::fs::{Access, access};

use crate::store::disk::free_bytes;

/// There is too little free disk for a VACUUM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "rewriting the database takes {} MB of free disk in {}, where {} MB are free; make room there, or name a directory \
     on another disk in the environment variable SQLITE_TMPDIR for the half of it that is a temporary copy",
    megabytes(*needed), directory.display(), free >> 20
)]
pub struct Shortage {
    /// Where too little is free.
    pub directory: PathBuf,
    /// What it takes there, in bytes.
    pub needed: u64,
    /// What is free there, in bytes.
    pub free: u64,
}

/// Rounded up, so that what is needed is never 0.
pub(super) fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Finds a directory for the temporary copy: SQLite's own choice, else the database's if there is room for all of it.
///
/// Errors: what is missing, in the place where it would be simplest to make room.
pub(super) fn find_room(database: &Path, copy: u64, log: u64) -> Result<PathBuf, Shortage> {
    let home = match database.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let usual = temporary_directory();
    let shortage = match check(&usual, &home, copy, log) {
        Ok(()) => return Ok(usual),
        Err(shortage) => shortage,
    };
    match check(&home, &home, copy, log) {
        Ok(()) => Ok(home),
        // With a temporary directory on another disk less is missing.
        Err(_) => Err(shortage),
    }
}

fn check(temporary: &Path, home: &Path, copy: u64, log: u64) -> Result<(), Shortage> {
    if is_same_disk(temporary, home) {
        return check_one(home, copy.saturating_add(log));
    }
    check_one(temporary, copy)?;
    check_one(home, log)
}

fn check_one(directory: &Path, bytes: u64) -> Result<(), Shortage> {
    // For what is not counted: the index of the log, and what others write meanwhile.
    let needed = bytes.saturating_add(bytes / 20).saturating_add(1 << 20);
    let free = free_bytes(directory).unwrap_or(u64::MAX);
    if free < needed {
        return Err(Shortage { directory: directory.to_owned(), needed, free });
    }
    Ok(())
}

fn is_same_disk(one: &Path, other: &Path) -> bool {
    let device = |path| fs::metadata(path).map(|metadata| metadata.dev());
    matches!((device(one), device(other)), (Ok(one), Ok(other)) if one == other)
}

/// Where SQLite makes temporary files (<https://sqlite.org/tempfiles.html#temporary_file_storage_locations>).
fn temporary_directory() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    named
        .chain(usual)
        .find(|path| path.is_dir() && access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok())
        .unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_names_what_is_needed_and_what_is_free() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join("logs.db");
        let shortage = find_room(&database, 1 << 60, 1 << 60).expect_err("so much is not free");
        let text = shortage.to_string();
        assert!(shortage.free < shortage.needed && text.contains("SQLITE_TMPDIR"), "{text}");
        assert!(text.contains(&format!("{} MB are free", shortage.free >> 20)), "{text}");
    }

    #[test]
    fn a_small_database_has_room() {
        let directory = tempfile::tempdir().expect("a directory");
        find_room(&directory.path().join("logs.db"), 1000, 1000).expect("room");
    }
}
