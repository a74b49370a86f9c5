//! One loglite per database: an advisory lock on a file beside it, which holds the owner's process id.
//!
//! The operating system releases the lock when the owner ends, however it ends. The file stays: removing it
//! would let two processes lock two files of the same name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::StoreError;

const FILE_NAME: &str = "loglite.lock";
/// One recoding of columns at a time, beside whoever has the database.
const RECODING_FILE_NAME: &str = "loglite-recode.lock";

/// The right to write to the database of a directory, until dropped.
#[derive(Debug)]
pub struct DatabaseLock {
    _file: File,
}

impl DatabaseLock {
    /// Takes the lock without waiting. Makes the directory if it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; [`StoreError::ReadOnly`] or [`StoreError::File`] when the
    /// directory can't be used.
    pub fn acquire(directory: &Path) -> Result<Self, StoreError> {
        Self::acquire_file(directory, FILE_NAME)
    }

    /// Takes the right to change how columns are stored, which is another one: a service may run beside.
    ///
    /// # Errors
    /// As [`DatabaseLock::acquire`].
    pub(super) fn acquire_recoding(directory: &Path) -> Result<Self, StoreError> {
        Self::acquire_file(directory, RECODING_FILE_NAME)
    }

    fn acquire_file(directory: &Path, name: &str) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(|source| StoreError::file(directory, source))?;
        let path = directory.join(name);
        let failed = |source| StoreError::file(&path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    directory: directory.to_owned(),
                    pid: owner(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        if let Err(error) = sign(&mut file) {
            // The lock holds all the same; only the other's message will lack the number.
            tracing::warn!(path = %path.display(), %error, "process id not written to the lock file");
        }
        Ok(Self { _file: file })
    }
}

fn owner(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_owner_is_told_the_first() {
        let directory = tempfile::tempdir().expect("a directory");
        let _first = DatabaseLock::acquire(directory.path()).expect("free");

        let refused = DatabaseLock::acquire(directory.path()).expect_err("taken");

        let StoreError::InUse { pid, .. } = refused else { panic!("{refused}") };
        assert_eq!(pid, Some(std::process::id()));
    }

    #[test]
    fn a_dropped_lock_is_free_again() {
        let directory = tempfile::tempdir().expect("a directory");
        drop(DatabaseLock::acquire(directory.path()).expect("free"));
        DatabaseLock::acquire(directory.path()).expect("free again");
    }

    #[test]
    fn a_missing_directory_is_made() {
        let directory = tempfile::tempdir().expect("a directory");
        DatabaseLock::acquire(&directory.path().join("a/b")).expect("made");
    }
}
