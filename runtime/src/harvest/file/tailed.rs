//! One file: how far it was read, and where it stands.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::discovery::Found;
use super::identity::{FileId, Prints};
use super::kin::Kinship;
use super::names::{first_part, is_gzip, stem};
use super::position::Position;
use crate::harvest::Assembler;

/// A file that rotation has moved, or that has lost its name, is at its end when nothing was written for so long:
/// until then a writer may still hold it open.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// A file that is read, or was read and is remembered.
#[derive(Debug)]
pub(super) struct Tailed {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    /// The path as text, for entries to name it.
    pub(super) origin: String,
    pub(super) is_gzip: bool,
    /// Its directory and what its name begins with: copies of it share them.
    pub(super) family: Kinship,
    /// Its directory and the name that it stems from: its generations share them.
    pub(super) generations: Kinship,
    /// All lines before this are handed over.
    pub(super) offset: u64,
    /// Prints of what is before `offset`.
    pub(super) prints: Prints,
    /// Up to here its bytes were given to the assembler.
    pub(super) fed: u64,
    /// What has been given to it and is no line yet; none when nothing has.
    pub(super) assembler: Option<Assembler>,
    /// Up to here it was read, though what is behind `fed` is read once more when more of it has come.
    pub(super) examined: u64,
    /// As it was seen last.
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    /// When it was seen to have changed last.
    pub(super) changed: Instant,
    pub(super) standing: Standing,
    pub(super) is_link: bool,
    /// Whether rotation has moved it: nothing new is expected of it.
    pub(super) rotated: bool,
    /// When an event that is complete except for lines that may yet belong to it is handed out.
    pub(super) settle_at: Option<Instant>,
    /// It could not be read, and is not tried before.
    pub(super) retry_at: Option<Instant>,
    /// Whether the log has told that it can't be read.
    pub(super) is_told: bool,
    /// It holds what another file holds, too, and waits until that one is truncated or gone.
    pub(super) is_dormant: bool,
    /// It is in the queue of those that have something to read.
    pub(super) is_queued: bool,
    /// The size of a compressed file that was read to its end.
    pub(super) finished_size: Option<u64>,
    /// Whether it had no name when it was closed: what has its inode now is another file.
    pub(super) is_deleted: bool,
}

/// Where a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Known from before the start, and not looked for yet.
    Expected,
    /// A name of it matches the patterns.
    Present,
    /// No name of it does, but it is read to its end.
    Departed,
    /// It is not read any more, since so many seconds after 1970.
    Gone(u64),
}

impl Tailed {
    /// A file that was never seen, from its begin on.
    pub(super) fn new(found: &Found) -> Self {
        let position = Position {
            path: found.path.clone(),
            offset: 0,
            prints: Prints::default(),
            finished_size: None,
            rotated: false,
            gone_since: None,
            deleted: false,
        };
        let mut file = Self::resumed(found.id, position);
        file.standing = Standing::Present;
        file.see(found);
        file
    }

    /// A file that was seen before this start.
    pub(super) fn resumed(id: FileId, position: Position) -> Self {
        let mut file = Self {
            id,
            path: PathBuf::new(),
            origin: String::new(),
            is_gzip: false,
            family: Kinship::default(),
            generations: Kinship::default(),
            offset: position.offset,
            prints: position.prints,
            fed: position.offset,
            assembler: None,
            examined: position.offset,
            size: position.offset,
            modified: SystemTime::UNIX_EPOCH,
            changed: Instant::now(),
            standing: position.gone_since.map_or(Standing::Expected, Standing::Gone),
            is_link: false,
            rotated: position.rotated,
            settle_at: None,
            retry_at: None,
            is_told: false,
            is_dormant: false,
            is_queued: false,
            finished_size: position.finished_size,
            is_deleted: position.deleted,
        };
        file.name(position.path);
        file
    }

    /// What is kept of it.
    pub(super) fn position(&self) -> Position {
        let gone_since = match self.standing {
            Standing::Gone(since) => Some(since),
            _ => None,
        };
        Position {
            path: self.path.clone(),
            offset: self.offset,
            prints: self.prints,
            finished_size: self.finished_size,
            rotated: self.rotated,
            gone_since,
            deleted: self.is_deleted,
        }
    }

    /// It is called this from now on.
    pub(super) fn name(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.is_gzip = is_gzip(&name);
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        self.family = (directory.clone(), first_part(&name));
        self.generations = (directory, stem(&name));
        self.origin = path.to_string_lossy().into_owned();
        self.path = path;
    }

    /// The last part of its path.
    pub(super) fn file_name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Takes note of how it looks now; returns whether it has changed since it was seen last.
    pub(super) fn see(&mut self, found: &Found) -> bool {
        self.is_link = found.is_link;
        let has_changed = self.size != found.size || self.modified != found.modified;
        if has_changed {
            self.changed = Instant::now();
        }
        (self.size, self.modified) = (found.size, found.modified);
        has_changed
    }

    /// Its content is another one, to be read from its begin on.
    pub(super) fn begin_anew(&mut self) {
        self.go_to(0, Prints::default());
        (self.is_dormant, self.finished_size, self.is_deleted) = (false, None, false);
    }

    /// It is not read any more.
    pub(super) fn end(&mut self, now: u64) {
        self.standing = Standing::Gone(now);
        self.step_back();
        self.retry_at = None;
    }

    /// When something is to be done with it if nothing is heard before.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.is_alive() { self.retry_at.or(self.settle_at) } else { None }
    }

    /// It is to be read from here on.
    pub(super) fn go_to(&mut self, offset: u64, prints: Prints) {
        (self.offset, self.prints) = (offset, prints);
        (self.fed, self.examined) = (offset, offset);
        (self.assembler, self.settle_at) = (None, None);
    }

    /// Forgets what is no line yet, so that it is read once more.
    pub(super) fn step_back(&mut self) {
        (self.fed, self.assembler, self.settle_at) = (self.offset, None, None);
    }

    /// Whether nothing of it was handed over.
    pub(super) fn is_fresh(&self) -> bool {
        self.offset == 0 && self.assembler.is_none()
    }

    /// Whether it is read, now or later.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.standing, Standing::Gone(_))
    }

    /// Bytes that are there and are not handed over, as far as lines are complete.
    pub(super) fn unread(&self) -> u64 {
        if !self.is_alive() || self.is_dormant || self.is_gzip {
            return 0;
        }
        let done = if self.settle_at.is_some() { self.offset } else { self.examined };
        self.size.saturating_sub(done)
    }

    /// Whether rotation has moved it, or it has no name, and nothing has been written to it for long.
    pub(super) fn is_silent(&self) -> bool {
        (self.rotated || self.standing == Standing::Departed) && self.changed.elapsed() >= SILENCE
    }
}
