//! How a file's position is kept in the database: one checkpoint per file, under its device and inode.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::identity::{FileId, Prints};
use crate::domain::{Checkpoint, CheckpointKey, SourceName};

/// Where a file was read up to. Fields may be added, none may change its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Where the file was seen last.
    pub(super) path: PathBuf,
    /// Bytes from its begin, all lines before which are stored. Of a compressed file: of what it holds.
    pub(super) offset: u64,
    /// Prints of what was read.
    pub(super) prints: Prints,
    /// The size of a compressed file that was read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finished_size: Option<u64>,
    /// Whether rotation has moved it.
    #[serde(default)]
    pub(super) rotated: bool,
    /// Since when it has been gone, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gone_since: Option<u64>,
    /// Whether it had no name any more when it was closed.
    #[serde(default)]
    pub(super) deleted: bool,
}

impl Position {
    /// The checkpoint of a file.
    pub(super) fn to_checkpoint(&self) -> Checkpoint {
        // A path that is not UTF-8 can't be written: it is only a help to find the file again.
        let bytes = serde_json::to_vec(self).or_else(|_| {
            let path = PathBuf::from(self.path.to_string_lossy().into_owned());
            serde_json::to_vec(&Self { path, ..self.clone() })
        });
        Checkpoint(bytes.expect("its fields are numbers, and text by now"))
    }

    /// The file and the position that a checkpoint holds; none if it is not of a file.
    pub(super) fn read(key: &CheckpointKey, checkpoint: &Checkpoint) -> Option<(FileId, Self)> {
        let id = FileId::parse(key.input()?)?;
        Some((id, serde_json::from_slice(&checkpoint.0).ok()?))
    }

    /// Under which a file's position is kept.
    pub(super) fn key(source: &SourceName, id: FileId) -> CheckpointKey {
        CheckpointKey::of_input(source, &id.to_string())
    }
}

/// The harvester's own checkpoint: that it has been started before, so that files it does not know are new ones.
pub(super) fn marker() -> Checkpoint {
    Checkpoint(format!("{{\"started\":{}}}", now()).into_bytes())
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let id = FileId { device: 65_024, inode: 17 };
        let position = Position {
            path: "/var/log/a-b.log".into(),
            offset: u64::MAX,
            prints: Prints::new(b"begin", b"end"),
            finished_size: Some(1),
            rotated: true,
            gone_since: Some(2),
            deleted: true,
        };
        let key = Position::key(&"logs".into(), id);
        let read = Position::read(&key, &position.to_checkpoint());
        assert_eq!(read, Some((id, position)));
        assert_eq!(Position::read(&key, &Checkpoint(b"other".to_vec())), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_kept_as_well_as_it_can_be() {
        use std::os::unix::ffi::OsStrExt;
        let position = Position {
            path: PathBuf::from(std::ffi::OsStr::from_bytes(b"/a\xff")),
            offset: 1,
            prints: Prints::default(),
            finished_size: None,
            rotated: false,
            gone_since: None,
            deleted: false,
        };
        let id = FileId { device: 1, inode: 1 };
        let key = Position::key(&"logs".into(), id);
        let (_, read) = Position::read(&key, &position.to_checkpoint()).expect("readable");
        assert_eq!(read.path, PathBuf::from("/a\u{fffd}"));
    }
}
