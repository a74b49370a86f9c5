//! Copies that rotation makes: `copytruncate` copies a file and truncates it, compression copies and deletes it.
//!
//! A file that nothing was read of, whose name is that of another one with something added, and which begins with what
//! was read of that one, is its copy: it waits until the original is truncated or gone, and is read on where that one
//! was left. Files with the same content and other names are files of their own.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::{debug, info};

use super::discovery::Found;
use super::gzip;
use super::identity::{FileId, PRINT_BYTES, Prints, bytes_at, print_bytes};
use super::names::{is_gzip, is_rotated, stem};
use super::tailed::{Standing, Tailed};
use super::tails::Tails;

/// What a file has to do with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// Nothing.
    None,
    /// It is a copy of one that is still read.
    Copy,
    /// It is a copy of one that is not read any more.
    Heir,
}

impl Tails {
    /// Whether a file that nothing was read of is to wait, as it is a copy of one that is still read. If it is a copy
    /// of one that was read before, it is moved to where that one was left.
    pub(super) fn is_copy(&mut self, tailed: &mut Tailed) -> bool {
        for id in self.originals(tailed) {
            let Some(original) = self.files.remove(&id) else { continue };
            let relation = self.relation(tailed, &original);
            let (offset, prints) = (original.offset, original.prints);
            self.files.insert(id, original);
            match relation {
                Relation::None => {}
                Relation::Copy => {
                    self.enqueue(id);
                    return true;
                }
                Relation::Heir => {
                    debug!(path = %tailed.path.display(), offset, "goes on as a copy of a file that is gone");
                    tailed.go_to(offset, prints);
                    self.forget(id);
                    return false;
                }
            }
        }
        false
    }

    /// A file does not hold any more what was read of it: what was not read of it yet may be in a copy, which is read
    /// on; the file itself is read from its beginning.
    pub(super) fn replaced(&mut self, tailed: &mut Tailed) {
        let (offset, path) = (tailed.offset, tailed.path.clone());
        let copies = if offset > 0 { self.copies_of(tailed) } else { Vec::new() };
        if let Some((found, others)) = copies.split_first() {
            info!(
                path = %path.display(),
                copy = %found.path.display(),
                "truncated after it was copied; the rest is read from the copy"
            );
            self.adopt(tailed, found);
            others.iter().for_each(|other| self.skip_copy(other));
        } else if offset > 0 {
            info!(
                path = %path.display(),
                "truncated or written anew; it is read from its beginning"
            );
        }
        tailed.begin_anew();
        // Its inode may be another file's now, which is still written.
        tailed.rotated &= tailed.file_name() != tailed.generations.1;
        self.unpacking = self.unpacking.take().filter(|open| !open.is_of(tailed.id));
        self.moved.insert(tailed.id);
    }

    /// The copy is read on from where the original was left.
    fn adopt(&mut self, original: &Tailed, found: &Found) {
        let is_known = self.files.contains_key(&found.id);
        let mut copy = self.files.remove(&found.id).unwrap_or_else(|| Tailed::new(found));
        let is_whole = found.size >= original.offset || copy.is_gzip;
        let offset = if is_whole { original.offset } else { found.size };
        let prints = if is_whole { original.prints } else { prints_of(&found.path, offset) };
        copy.go_to(offset, prints);
        copy.see(found);
        (copy.is_dormant, copy.rotated) = (false, true);
        if !is_known {
            copy.standing = Standing::Departed;
        }
        self.insert(copy);
        self.moved.insert(found.id);
        self.enqueue(found.id);
        self.times.check = std::time::Instant::now();
    }

    /// Nothing is read of a further copy: all of it is in the one that is read.
    fn skip_copy(&mut self, found: &Found) {
        let Some(copy) = self.files.get_mut(&found.id) else { return };
        if copy.is_gzip {
            copy.finished_size = Some(found.size);
        } else {
            copy.go_to(found.size, prints_of(&found.path, found.size));
        }
        (copy.is_dormant, copy.rotated) = (false, true);
        self.moved.insert(found.id);
    }

    /// The copies in the file's directory that hold what was read of it, the newest first.
    fn copies_of(&mut self, original: &Tailed) -> Vec<Found> {
        let entries = original.path.parent().and_then(|directory| directory.read_dir().ok());
        let entries = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| is_named_as_copy(&entry.file_name().to_string_lossy(), original));
        let found = entries.filter_map(|entry| look_at(entry.path()));
        let mut copies: Vec<_> = found.filter(|found| self.may_be_copy(original, found)).collect();
        copies.sort_by_key(|found| std::cmp::Reverse(found.modified));
        copies
    }

    fn may_be_copy(&self, original: &Tailed, found: &Found) -> bool {
        let is_fresh = self.files.get(&found.id).is_none_or(Tailed::is_fresh);
        if found.id == original.id || !is_fresh {
            return false;
        }
        let copy = Tailed::new(found);
        if copy.is_gzip {
            return self.config.gzip && holds_read(&copy, original).unwrap_or(false);
        }
        if found.size >= original.offset {
            return holds_read(&copy, original).unwrap_or(false);
        }
        // Lines that were written after the copy was made have been read: all of the copy was.
        was_dormant(self.files.get(&found.id)) || has_whole_head(&copy, original).unwrap_or(false)
    }

    /// The files of which a file may be a copy, by their names.
    fn originals(&self, copy: &Tailed) -> Vec<FileId> {
        let name = copy.file_name();
        let is_original = |original: &Tailed| {
            let may_be = !original.is_gzip && !original.is_dormant && original.id != copy.id;
            // Before it is compressed a file may have been renamed, and afterwards as well.
            let has_name = is_rotated(&name, &original.file_name())
                || (copy.is_gzip && copy.generations == original.generations);
            may_be && has_name
        };
        let family = self.families.of(&copy.family).iter();
        let originals = family.filter(|id| self.files.get(*id).is_some_and(is_original));
        originals.copied().collect()
    }

    fn relation(&mut self, tailed: &Tailed, original: &Tailed) -> Relation {
        if !original.is_alive() {
            let is_heir = original.offset > 0 && holds_read(tailed, original).unwrap_or(false);
            return if is_heir { Relation::Heir } else { Relation::None };
        }
        let Ok(Some(file)) = self.handles.get(original.id, &original.path) else {
            // It has just been moved: the next look tells where it is.
            self.times.look = std::time::Instant::now();
            let may_be_copy = holds_read(tailed, original).unwrap_or(true);
            let is_copy = original.offset > 0 && may_be_copy;
            return if is_copy { Relation::Copy } else { Relation::None };
        };
        let is_intact = original.prints.fit(file, original.offset).unwrap_or(true);
        let is_copy = if is_intact {
            begins(tailed, file).unwrap_or(false)
        } else {
            // Once it is noticed that it was truncated, its copy is looked for.
            tailed.is_dormant
                || holds_read(tailed, original).unwrap_or(false)
                || has_whole_head(tailed, original).unwrap_or(false)
        };
        if is_copy { Relation::Copy } else { Relation::None }
    }
}

/// Whether a name is that of a copy of this file. Rotation goes on while loglite does not run: then a compressed copy
/// has a higher number than the file had, whose inode another file may have got.
fn is_named_as_copy(name: &str, original: &Tailed) -> bool {
    is_rotated(name, &original.file_name())
        || (is_gzip(name) && original.generations.1 == stem(name))
}

/// Whether a file holds what was read of another one.
fn holds_read(copy: &Tailed, original: &Tailed) -> io::Result<bool> {
    if copy.is_gzip {
        return gzip::holds(copy.id, &copy.path, original.offset, &original.prints);
    }
    let file = super::handles::open(&copy.path)?;
    original.prints.fit(&file, original.offset)
}

/// Whether it begins with as many bytes of the original as a print is of: these are hardly twice the same by chance.
fn has_whole_head(copy: &Tailed, original: &Tailed) -> io::Result<bool> {
    if copy.size < PRINT_BYTES as u64 || original.offset < PRINT_BYTES as u64 {
        return Ok(false);
    }
    let file = super::handles::open(&copy.path)?;
    Ok(original.prints.head().begins(&bytes_at(&file, 0, PRINT_BYTES)?))
}

/// Whether a file holds nothing but what another one begins with.
fn begins(copy: &Tailed, original: &File) -> io::Result<bool> {
    let size = original.metadata()?.len();
    if copy.is_gzip {
        let head = gzip::head(copy.id, &copy.path)?;
        return Ok(!head.is_empty() && bytes_at(original, 0, head.len())? == head);
    }
    let file = super::handles::open(&copy.path)?;
    let length = file.metadata()?.len();
    if length == 0 || length > size {
        return Ok(false);
    }
    let bytes = print_bytes(length);
    let is_same = |position| -> io::Result<bool> {
        Ok(bytes_at(&file, position, bytes)? == bytes_at(original, position, bytes)?)
    };
    Ok(is_same(0)? && is_same(length - bytes as u64)?)
}

fn prints_of(path: &Path, offset: u64) -> Prints {
    super::handles::open(path).and_then(|file| Prints::take(&file, offset)).unwrap_or_default()
}

fn was_dormant(tailed: Option<&Tailed>) -> bool {
    tailed.is_some_and(|tailed| tailed.is_dormant)
}

fn look_at(path: PathBuf) -> Option<Found> {
    let metadata = Path::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Some(Found { id: FileId::of(&metadata), size: metadata.len(), modified, is_link: false, path })
}
