//! Which file a file is: its inode, and what stands in it before the position it was read up to.
//!
//! A name says little, as rotation moves files, and an inode is used again for other files. What was read, though, is
//! still there in front of the position, unless the file was truncated or replaced: so both its begin and its end are
//! compared before anything is read on.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};

use serde::{Deserialize, Serialize};

/// Of so many bytes a print is taken, or of as many as there are.
pub(super) const PRINT_BYTES: usize = 1024;

/// What the system calls a file, whatever its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId {
    /// The file system.
    pub(super) device: u64,
    /// The file's number there.
    pub(super) inode: u64,
}

/// A hash of bytes, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    bytes: u16,
    hash: u64,
}

/// Prints of what was read of a file: of its first bytes, and of those just before the position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prints {
    head: Print,
    tail: Print,
}

impl FileId {
    /// Of what this is the metadata of.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// From the text that [`fmt::Display`] makes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (device, inode) = text.split_once('-')?;
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.device, self.inode)
    }
}

impl Print {
    /// FNV-1a: the same in every version of loglite, as prints are kept in the database.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let step =
            |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
        Self { bytes: u16::try_from(bytes.len()).unwrap_or(u16::MAX), hash }
    }

    fn len(self) -> usize {
        usize::from(self.bytes)
    }

    /// Whether the first of these bytes are those it was taken of.
    pub(super) fn begins(self, bytes: &[u8]) -> bool {
        bytes.get(..self.len()).is_some_and(|first| Self::of(first) == self)
    }
}

impl Default for Print {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl Prints {
    /// Of what stands at the begin and of what stands before the position.
    pub(super) fn new(head: &[u8], tail: &[u8]) -> Self {
        Self { head: Print::of(head), tail: Print::of(tail) }
    }

    /// Of a file that was read up to `offset`.
    pub(super) fn take(file: &File, offset: u64) -> io::Result<Self> {
        let (head, tail) = (head_at(file, offset)?, tail_at(file, offset)?);
        Ok(Self::new(&head, &tail))
    }

    /// Whether the file still holds what was read of it up to `offset`. Without prints only its length counts.
    pub(super) fn fit(&self, file: &File, offset: u64) -> io::Result<bool> {
        let head = head_at(file, offset)?;
        let is_same = head.len() == print_bytes(offset) && self.head.begins(&head);
        let tail = || tail_at(file, offset);
        Ok(is_same && (self.tail == Print::default() || self.tail == Print::of(&tail()?)))
    }

    /// Whether they are of the same bytes, as far as that is known.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self == other || *self == Self::default() || *other == Self::default()
    }

    /// The print of the first bytes.
    pub(super) fn head(&self) -> Print {
        self.head
    }
}

/// As many bytes as a print of so many is taken of.
pub(super) fn print_bytes(available: u64) -> usize {
    usize::try_from(available).unwrap_or(usize::MAX).min(PRINT_BYTES)
}

/// Reads at a position until the buffer is full or the file ends; returns how much it read.
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// These bytes of a file, or those of them that are there.
pub(super) fn bytes_at(file: &File, position: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    let read = read_at(file, &mut buffer, position)?;
    buffer.truncate(read);
    Ok(buffer)
}

fn head_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    bytes_at(file, 0, print_bytes(offset))
}

fn tail_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let bytes = print_bytes(offset);
    bytes_at(file, offset - bytes as u64, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_is_the_same_in_every_version() {
        // The published test value of FNV-1a.
        assert_eq!(Print::of(b"foobar"), Print { bytes: 6, hash: 0x8594_4171_f739_67e8 });
        assert!(Print::of(b"foo").begins(b"foobar") && !Print::of(b"foo").begins(b"fo"));
    }

    #[test]
    fn a_file_that_grows_fits_and_one_that_was_written_anew_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let old = "line\n".repeat(1_000);
        std::fs::write(&path, &old).expect("written");
        let file = File::open(&path).expect("opened");
        let prints = Prints::take(&file, 5_000).expect("read");

        std::fs::write(&path, old.clone() + "more\n").expect("written");
        assert!(prints.fit(&file, 5_000).expect("read"));
        let other_tail = "line\n".repeat(999) + "lime\n";
        for anew in [old.trim_start_matches("l"), &old.replacen("li", "lo", 1), &other_tail] {
            std::fs::write(&path, anew).expect("written");
            assert!(!prints.fit(&file, 5_000).expect("read"));
        }
    }

    #[test]
    fn of_what_was_not_read_anything_may_follow() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        std::fs::write(&path, "x").expect("written");
        assert!(Prints::default().fit(&File::open(&path).expect("opened"), 0).expect("read"));
    }
}
