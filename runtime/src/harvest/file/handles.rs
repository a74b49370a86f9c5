//! The files that are held open: no more than allowed, and those longest that were used last.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::identity::FileId;

/// Open files.
#[derive(Debug)]
pub(super) struct Handles {
    open: HashMap<FileId, Held>,
    /// The same, the one used least lately first.
    by_use: BTreeMap<u64, FileId>,
    uses: u64,
    most: usize,
}

#[derive(Debug)]
struct Held {
    file: File,
    used: u64,
    /// Has lost its name: once closed it could not be opened again.
    is_precious: bool,
}

impl Handles {
    /// Holds at most so many files.
    pub(super) fn new(most: usize) -> Self {
        Self { open: HashMap::new(), by_use: BTreeMap::new(), uses: 0, most: most.max(1) }
    }

    /// Whether the file is open.
    pub(super) fn has(&self, id: FileId) -> bool {
        self.open.contains_key(&id)
    }

    /// Whether one more may be opened without closing another.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() < self.most
    }

    /// The open file, or the one at this path if it still is the same. None if another one or nothing is there.
    pub(super) fn get(&mut self, id: FileId, path: &Path) -> io::Result<Option<&File>> {
        if !self.open.contains_key(&id) {
            let file = match open(path) {
                Ok(file) => file,
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            let metadata = file.metadata()?;
            if !metadata.is_file() || FileId::of(&metadata) != id {
                return Ok(None);
            }
            while !self.has_room() && self.close_one() {}
            self.open.insert(id, Held { file, used: 0, is_precious: false });
        }
        self.uses += 1;
        let Some(held) = self.open.get_mut(&id) else { return Ok(None) };
        self.by_use.remove(&held.used);
        held.used = self.uses;
        self.by_use.insert(held.used, id);
        Ok(Some(&held.file))
    }

    /// Keeps a file open rather than others, as long as it has no name.
    pub(super) fn keep(&mut self, id: FileId, is_precious: bool) {
        if let Some(held) = self.open.get_mut(&id) {
            held.is_precious = is_precious;
        }
    }

    /// Closes a file.
    pub(super) fn close(&mut self, id: FileId) {
        if let Some(held) = self.open.remove(&id) {
            self.by_use.remove(&held.used);
        }
    }

    /// Closes the one used least lately; of those without a name only if there are no others.
    fn close_one(&mut self) -> bool {
        let is_common = |id: &&FileId| self.open.get(id).is_some_and(|held| !held.is_precious);
        let common = self.by_use.values().find(is_common);
        let Some(id) = common.or_else(|| self.by_use.values().next()).copied() else {
            return false;
        };
        self.close(id);
        true
    }
}

/// Opens a file for reading; does not wait for writers if it is a pipe by now.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Whether nothing is there.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_open_than_allowed_and_those_without_a_name_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut ids = Vec::new();
        let mut handles = Handles::new(2);
        for name in ["a", "b", "c", "d"] {
            let path = directory.path().join(name);
            std::fs::write(&path, name).expect("written");
            let id = FileId::of(&path.metadata().expect("it is there"));
            assert!(handles.get(id, &path).expect("opened").is_some());
            handles.keep(id, name == "a");
            ids.push(id);
        }
        let open: Vec<_> = ids.iter().map(|id| handles.has(*id)).collect();
        assert_eq!(open, [true, false, false, true]);
        handles.close(ids[0]);
        assert!(handles.has_room());
    }

    #[test]
    fn another_file_under_the_name_is_not_the_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, other) = (directory.path().join("a"), directory.path().join("b"));
        std::fs::write(&path, "a").expect("written");
        std::fs::write(&other, "b").expect("written");
        let id = FileId::of(&path.metadata().expect("it is there"));
        std::fs::rename(&other, &path).expect("renamed");
        let mut handles = Handles::new(2);
        assert!(handles.get(id, &path).expect("opened").is_none());
        assert!(handles.get(id, &directory.path().join("none")).expect("no error").is_none());
    }
}
