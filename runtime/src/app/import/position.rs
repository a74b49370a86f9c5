//! Where an import of a file stands, and by what the file is known again: its content, not its name.
//!
//! A copy of a file, or a file that was renamed, is the same one. One that has grown goes on where it ended; so that
//! another file that merely begins alike is not taken for it, it must have its place or its name, or be long.

use std::io;

use serde::{Deserialize, Serialize};

use super::input::{HEAD_BYTES, Identity, Opened};
use crate::domain::{Checkpoint, CheckpointKey, SourceName};

/// What is kept of a file between two imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Bytes of the file by whose fingerprint it is known.
    head_bytes: u64,
    head: u64,
    /// Bytes of the file when it was opened last, and the fingerprint of the last ones.
    size: u64,
    tail: u64,
    path: String,
    device: u64,
    inode: u64,
    /// Where the next line begins, in what the file holds once it is decompressed.
    pub(super) offset: u64,
    /// Lines before that.
    pub(super) lines: u64,
    /// When all of it was imported; none while it is not.
    pub(super) done: Option<String>,
}

/// A file's position and the key under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bookmark {
    pub(super) key: CheckpointKey,
    pub(super) position: Position,
}

/// The positions of all files that a source was imported from.
#[derive(Debug)]
pub(super) struct Bookmarks {
    owner: SourceName,
    known: Vec<Bookmark>,
}

impl Bookmarks {
    /// Under whose name the positions of a source's imports are kept: no harvester has such a name, so one of the same
    /// source doesn't take them for its own.
    pub(super) fn owner(source: &SourceName) -> SourceName {
        SourceName::from(format!("import:{source}").as_str())
    }

    pub(super) fn new(owner: SourceName, kept: Vec<(CheckpointKey, Checkpoint)>) -> Self {
        let known = kept.into_iter().filter_map(|(key, checkpoint)| {
            let position = serde_json::from_slice(&checkpoint.0).ok()?;
            Some(Bookmark { key, position })
        });
        Self { owner, known: known.collect() }
    }

    /// The bookmark of this file, at its begin if the file is new.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn of(&self, file: &Opened, identity: &Identity) -> io::Result<Bookmark> {
        let tail = file.tail(identity.size)?;
        let mut heads = Heads { file, read: Vec::new() };
        let mut best: Option<&Bookmark> = None;
        for known in &self.known {
            let is_further = best.is_none_or(|best| known.position.offset > best.position.offset);
            if is_further && known.position.is_of(&mut heads, identity)? {
                best = Some(known);
            }
        }
        if let Some(known) = best {
            let mut found = known.clone();
            if found.position.size != identity.size {
                found.position.done = None;
            }
            found.position.opened(identity, tail);
            return Ok(found);
        }
        let head_bytes = identity.size.min(HEAD_BYTES);
        let position = Position::new((head_bytes, heads.of(head_bytes)?), identity, tail);
        Ok(Bookmark { key: self.unused_key(&position), position })
    }

    /// Remembers how far a file has come.
    pub(super) fn note(&mut self, bookmark: Bookmark) {
        match self.known.iter_mut().find(|known| known.key == bookmark.key) {
            Some(known) => *known = bookmark,
            None => self.known.push(bookmark),
        }
    }

    /// Files may begin alike and be others all the same.
    fn unused_key(&self, position: &Position) -> CheckpointKey {
        let Position { head, head_bytes, .. } = position;
        let key = |number: usize| {
            CheckpointKey::of_input(&self.owner, &format!("{head:016x}-{head_bytes}-{number}"))
        };
        let is_free = |key: &CheckpointKey| !self.known.iter().any(|known| known.key == *key);
        // One of so many keys is free.
        (0..=self.known.len()).map(key).find(is_free).unwrap_or_else(|| key(self.known.len()))
    }
}

impl Position {
    fn new((head_bytes, head): (u64, u64), identity: &Identity, tail: u64) -> Self {
        let Identity { path, device, inode, size } = identity.clone();
        let (offset, lines, done) = (0, 0, None);
        Self { head_bytes, head, size, tail, path, device, inode, offset, lines, done }
    }

    /// As it is to be kept.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint(serde_json::to_vec(self).unwrap_or_default())
    }

    /// The file is to be read once more from its begin.
    pub(super) fn rewind(&mut self) {
        (self.offset, self.lines, self.done) = (0, 0, None);
    }

    fn opened(&mut self, identity: &Identity, tail: u64) {
        let Identity { path, device, inode, size } = identity.clone();
        (self.path, self.device, self.inode, self.size, self.tail) =
            (path, device, inode, size, tail);
    }

    /// Whether it is this file's.
    fn is_of(&self, heads: &mut Heads<'_>, identity: &Identity) -> io::Result<bool> {
        if self.head_bytes == 0 || self.size > identity.size {
            return Ok(false);
        }
        let has_its_place = (self.device, self.inode) == (identity.device, identity.inode)
            || self.path == identity.path;
        let is_long = self.head_bytes == HEAD_BYTES && self.done.is_some();
        if self.size < identity.size && !has_its_place && !is_long {
            return Ok(false);
        }
        Ok(heads.of(self.head_bytes)? == self.head && heads.file.tail(self.size)? == self.tail)
    }
}

/// Fingerprints of a file's begin, by how long it is.
struct Heads<'f> {
    file: &'f Opened,
    read: Vec<(u64, u64)>,
}

impl Heads<'_> {
    fn of(&mut self, length: u64) -> io::Result<u64> {
        if let Some((_, head)) = self.read.iter().find(|(known, _)| *known == length) {
            return Ok(*head);
        }
        let head = self.file.head(length)?;
        self.read.push((length, head));
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::app::import::ImportInput;

    /// A directory, and what is known of the files in it.
    struct Trial {
        directory: tempfile::TempDir,
        bookmarks: Bookmarks,
    }

    impl Trial {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            Self { directory, bookmarks: Bookmarks::new("import:x".into(), Vec::new()) }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn write(&self, name: &str, content: &str) {
            std::fs::write(self.path(name), content).expect("written");
        }

        fn bookmark(&self, name: &str) -> Bookmark {
            let opened = Opened::open(&ImportInput::File(self.path(name))).expect("opened");
            let identity = opened.identity.clone().expect("a file");
            self.bookmarks.of(&opened, &identity).expect("readable")
        }

        /// Imports all of it.
        fn import(&mut self, name: &str) {
            let mut bookmark = self.bookmark(name);
            bookmark.position.offset = std::fs::metadata(self.path(name)).expect("there").len();
            bookmark.position.done = Some("now".into());
            self.bookmarks.note(bookmark);
        }

        /// Imports the first bytes of it.
        fn begin(&mut self, name: &str, offset: u64) {
            let mut bookmark = self.bookmark(name);
            bookmark.position.offset = offset;
            self.bookmarks.note(bookmark);
        }

        /// Where its import goes on, and whether there is nothing to do.
        fn standing(&self, name: &str) -> (u64, bool) {
            let Position { offset, done, .. } = self.bookmark(name).position;
            (offset, done.is_some())
        }
    }

    fn long(end: &str) -> String {
        format!("{}{end}", "line\n".repeat(20_000))
    }

    #[test]
    fn a_copy_is_the_same_file_and_a_new_one_is_not() {
        let mut trial = Trial::new();
        trial.write("a", "one\ntwo\n");
        trial.import("a");
        trial.write("b", "one\ntwo\n");
        trial.write("c", "one\nTWO\n");
        trial.write("empty", "");

        assert_eq!(trial.standing("a"), (8, true));
        assert_eq!(trial.standing("b"), (8, true));
        assert_eq!(trial.standing("c"), (0, false));
        assert_eq!(trial.standing("empty"), (0, false));
    }

    #[test]
    fn a_file_that_has_grown_goes_on_where_it_ended() {
        let mut trial = Trial::new();
        trial.write("a", "one\n");
        trial.import("a");
        trial.write("a", "one\ntwo\n");
        trial.write("other", "one\ntwo\n");

        assert_eq!(trial.standing("a"), (4, false));
        assert_eq!(trial.standing("other"), (0, false), "a short begin says little");
        std::fs::rename(trial.path("a"), trial.path("moved")).expect("renamed");
        assert_eq!(trial.standing("moved"), (4, false));
    }

    #[test]
    fn a_long_file_is_known_again_when_it_has_grown_and_moved() {
        let mut trial = Trial::new();
        trial.write("a", &long(""));
        trial.import("a");
        trial.write("copy", &long("more\n"));
        trial.write("short", &long("").replacen("line\nline\n", "", 1));

        assert_eq!(trial.standing("copy"), (100_000, false));
        assert_eq!(trial.standing("short"), (0, false));
    }

    #[test]
    fn files_that_begin_alike_have_positions_of_their_own() {
        let mut trial = Trial::new();
        trial.write("a", &long("a\n"));
        trial.write("b", &long("b\n"));
        trial.import("a");
        assert_eq!(trial.standing("b"), (0, false));
        trial.begin("b", 5);

        assert_eq!(trial.standing("a"), (100_002, true));
        assert_eq!(trial.standing("b"), (5, false));
        assert_ne!(trial.bookmark("a").key, trial.bookmark("b").key);
    }

    #[test]
    fn a_file_that_was_rewritten_is_a_new_one() {
        let mut trial = Trial::new();
        trial.write("a", "one\ntwo\n");
        trial.begin("a", 4);
        assert_eq!(trial.standing("a"), (4, false));

        trial.write("a", "three\nfour\nfive\n");
        assert_eq!(trial.standing("a"), (0, false));
        trial.write("a", "one\n");
        assert_eq!(trial.standing("a"), (0, false));
    }

    #[test]
    fn what_was_kept_is_read_again_and_what_is_no_position_is_left_alone() {
        let mut trial = Trial::new();
        trial.write("a", "one\n");
        trial.import("a");
        let Bookmark { key, position } = trial.bookmark("a");
        let foreign = CheckpointKey::of_input(&"import:x".into(), "y");

        let kept = vec![(key, position.checkpoint()), (foreign, Checkpoint(b"?".to_vec()))];
        trial.bookmarks = Bookmarks::new("import:x".into(), kept);

        assert_eq!(trial.standing("a"), (4, true));
    }
}
