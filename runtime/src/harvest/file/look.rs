//! Looks at which files there are, and takes note of those that came, moved, changed and went.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use tracing::{debug, info};

use super::discovery::{Findings, Found};
use super::gzip;
use super::identity::{FileId, Prints};
use super::position::now;
use super::start::end_of_lines;
use super::tailed::{SILENCE, Standing, Tailed};
use super::tails::{Era, Tails};
use super::watcher::Changed;
use crate::config::Start;

/// The position of a file that is gone is kept for so long: it may come back under another name, or as a copy.
const MEMORY: Duration = Duration::from_secs(3600);

/// Until the next look when directories have just come to be watched.
const SOON: Duration = Duration::from_millis(50);

/// Files of directories by their inodes, listed when they are first asked for.
type Listings = HashMap<PathBuf, HashMap<u64, PathBuf>>;

impl Tails {
    /// Looks at what may have changed: at all files if it is time or if names have changed.
    pub(super) fn look_around(&mut self, changed: Changed) {
        let now = Instant::now();
        for path in changed.touched {
            match self.paths.get(&path).copied() {
                Some(id) => self.enqueue(id),
                None => self.times.look = now,
            }
        }
        if changed.names || now >= self.times.look {
            self.is_routine = !changed.names;
            self.look();
        } else if now >= self.times.check {
            self.check();
        }
    }

    fn look(&mut self) {
        let findings = self.discovery.look();
        // What came up before its directory was watched was not heard of.
        let is_settled = self.watcher.watch(&findings.directories);
        let patience = match is_settled {
            false => SOON,
            true if findings.is_incomplete => self.config.poll_interval,
            true => self.patience(),
        };
        self.apply(findings);
        let now = Instant::now();
        self.times.look = now + patience;
        self.times.check = now + self.config.poll_interval;
        self.era = Era::Running;
        let present = i64::try_from(self.present()).unwrap_or(i64::MAX);
        self.metrics.inputs.set(present);
    }

    /// Looks at the files whose changes nobody tells of: links, and those that have lost their names.
    fn check(&mut self) {
        let is_untold = |tailed: &&Tailed| {
            tailed.standing == Standing::Departed
                || (tailed.standing == Standing::Present && tailed.is_link)
        };
        let untold: Vec<_> = self.files.values().filter(is_untold).map(|file| file.id).collect();
        let is_idle = untold.is_empty();
        untold.into_iter().for_each(|id| self.enqueue(id));
        let pause = if is_idle { SILENCE } else { self.config.poll_interval };
        self.times.check = Instant::now() + pause;
    }

    fn apply(&mut self, findings: Findings) {
        let mut by_file: BTreeMap<FileId, Vec<Found>> = BTreeMap::new();
        self.paths.clear();
        for (path, found) in findings.files {
            if !self.config.gzip && super::names::is_gzip(&path.to_string_lossy()) {
                continue;
            }
            self.paths.insert(path, found.id);
            by_file.entry(found.id).or_default().push(found);
        }
        let (known, mut new): (Vec<_>, Vec<_>) =
            by_file.into_values().partition(|names| self.is_known(names));
        self.part_with_others(&known);
        known.iter().for_each(|names| self.meet_again(names));
        // The oldest first, so that the generations of a file are read in their order.
        new.sort_by_key(|names| names.first().map(|found| found.modified));
        for names in new {
            // As a copy of another file it may have become known in between.
            if self.is_known(&names) {
                self.meet_again(&names);
            } else if let Some(found) = names.first() {
                self.meet(found);
            }
        }
        // After new ones were met: what took their names, and files that have only changed their devices.
        self.miss();
        let waiting = self.files.values().filter(|file| file.is_dormant);
        let waiting: Vec<_> = waiting.map(|file| file.id).collect();
        waiting.into_iter().for_each(|id| self.enqueue(id));
    }

    fn is_known(&self, names: &[Found]) -> bool {
        names.first().is_some_and(|found| self.files.contains_key(&found.id))
    }

    /// A known file is there, under these names.
    fn meet_again(&mut self, names: &[Found]) {
        let Some(id) = names.first().map(|found| found.id) else { return };
        let Some(from) = self.files.get(&id).map(|tailed| tailed.path.clone()) else { return };
        let same = names.iter().find(|found| found.path == from);
        let has_moved = same.is_none();
        let Some(found) = same.or(names.first()).cloned() else { return };
        if has_moved {
            debug!(from = %from.display(), to = %found.path.display(), "moved");
            self.rename(id, found.path.clone());
            self.noted.insert(id);
        }
        let Some(tailed) = self.files.get_mut(&id) else { return };
        if tailed.is_deleted {
            tailed.begin_anew();
        }
        tailed.rotated |= has_moved;
        let was = std::mem::replace(&mut tailed.standing, Standing::Present);
        let is_known = tailed.is_queued || tailed.is_link || was != Standing::Present;
        let has_changed = tailed.see(&found) || was != Standing::Present;
        let is_missed = has_changed && !is_known && has_settled(found.modified);
        let is_left_over = tailed.is_silent() && tailed.offset < tailed.size;
        if has_changed || is_left_over || tailed.examined < tailed.size {
            self.enqueue(id);
        }
        self.handles.keep(id, false);
        if is_missed && self.is_routine {
            self.watcher.distrust();
        }
    }

    /// Numbers of files that are gone have been given to others: these begin anew, and copies of the former ones go on
    /// for them. First all begin anew, as the one that has got the number may be the copy of another one.
    fn part_with_others(&mut self, known: &[Vec<Found>]) {
        let mut gone = Vec::new();
        for names in known {
            let Some(found) = self.other_name(names) else { continue };
            let (id, path) = (found.id, found.path.clone());
            if !self.is_another(id, found) {
                continue;
            }
            gone.extend(self.files.get(&id).map(|tailed| Tailed::resumed(id, tailed.position())));
            self.rename(id, path);
            if let Some(tailed) = self.files.get_mut(&id) {
                tailed.begin_anew();
                tailed.rotated = tailed.file_name() != tailed.generations.1;
            }
        }
        gone.iter_mut().for_each(|tailed| self.replaced(tailed));
    }

    /// How a known file is called now, if not as before.
    fn other_name<'a>(&self, names: &'a [Found]) -> Option<&'a Found> {
        let found = names.first()?;
        let tailed = self.files.get(&found.id)?;
        names.iter().all(|found| found.path != tailed.path).then_some(found)
    }

    /// Whether what has a known number now is another file, to which the number was given again.
    fn is_another(&mut self, id: FileId, found: &Found) -> bool {
        let Some(tailed) = self.files.get(&id) else { return false };
        let (offset, prints) = (tailed.offset, tailed.prints);
        let is_gzip = super::names::is_gzip(&found.path.to_string_lossy());
        if offset == 0 || (tailed.is_gzip && is_gzip) {
            return false;
        }
        if is_gzip {
            return !gzip::holds(id, &found.path, offset, &prints).unwrap_or(false);
        }
        let file = self.handles.get(id, &found.path).ok().flatten();
        file.is_some_and(|file| !prints.fit(file, offset).unwrap_or(true))
    }

    /// A file is there that was never seen.
    fn meet(&mut self, found: &Found) {
        let known = self.returned(found);
        let mut tailed = known.unwrap_or_else(|| self.first_seen(found));
        if self.config.start == Some(Start::End) {
            // After a restart it would be taken for one that begins at its end.
            self.moved.insert(tailed.id);
        }
        let name = tailed.file_name();
        let (_, stem) = &tailed.generations;
        let current = tailed.path.with_file_name(stem);
        tailed.rotated |= name != *stem && self.paths.contains_key(&current);
        if self.handles.has_room() && !tailed.is_gzip {
            // Open from now on: it is read to its end also if it is deleted.
            let opened = self.handles.get(tailed.id, &tailed.path);
            debug!(path = %tailed.path.display(), opened = opened.is_ok(), "found");
        }
        let id = tailed.id;
        self.insert(tailed);
        self.enqueue(id);
    }

    fn first_seen(&mut self, found: &Found) -> Tailed {
        let mut tailed = Tailed::new(found);
        if !self.begins_at_end(found) {
            return tailed;
        }
        if tailed.is_gzip {
            tailed.finished_size = Some(found.size);
            self.moved.insert(found.id);
        } else if let Ok(Some(file)) = self.handles.get(found.id, &found.path)
            && let Ok(end) = end_of_lines(file, self.line.max_line_size.0)
        {
            tailed.go_to(end, Prints::take(file, end).unwrap_or_default());
            self.moved.insert(found.id);
        }
        tailed
    }

    fn begins_at_end(&self, found: &Found) -> bool {
        match self.config.start {
            Some(Start::Beginning) => false,
            None => self.era == Era::First,
            // What took the name of a file that was read goes on with it.
            Some(Start::End) => {
                let is_heir = || self.files.values().any(|file| file.path == found.path);
                self.era == Era::First || (self.era == Era::Again && !is_heir())
            }
        }
    }

    /// A file of before the start, when its file system has got another number since.
    fn returned(&mut self, found: &Found) -> Option<Tailed> {
        let is_it = |tailed: &&Tailed| {
            tailed.standing == Standing::Expected
                && (tailed.id.inode, &tailed.path) == (found.id.inode, &found.path)
                && tailed.offset > 0
        };
        let old = self.files.values().find(is_it)?;
        let (old_id, position) = (old.id, old.position());
        let file = self.handles.get(found.id, &found.path).ok()??;
        if !position.prints.fit(file, position.offset).ok()? {
            return None;
        }
        self.forget(old_id);
        self.moved.insert(found.id);
        let mut tailed = Tailed::resumed(found.id, position);
        tailed.standing = Standing::Present;
        tailed.see(found);
        Some(tailed)
    }

    /// Looks for the files whose names don't match any more.
    fn miss(&mut self) {
        let present: std::collections::HashSet<_> = self.paths.values().copied().collect();
        let missed: Vec<_> =
            self.files.keys().filter(|id| !present.contains(id)).copied().collect();
        let mut listings = Listings::new();
        for id in missed {
            match self.files.get(&id).map(|tailed| tailed.standing) {
                Some(Standing::Gone(since)) if is_old(since) => self.forget(id),
                // Its writer has not opened the new file yet, and has written something at last.
                Some(Standing::Gone(_)) if self.has_grown(id) => self.depart(id, &mut listings),
                None | Some(Standing::Gone(_)) => {}
                // It will be looked for when it is silent.
                Some(Standing::Departed) if self.handles.has(id) => self.enqueue(id),
                Some(_) => self.depart(id, &mut listings),
            }
        }
    }

    /// Whether a file that is not read any more holds more than was read of it, where it was seen last.
    fn has_grown(&self, id: FileId) -> bool {
        let Some(tailed) = self.files.get(&id) else { return false };
        let metadata = tailed.path.metadata().ok().filter(|metadata| FileId::of(metadata) == id);
        !tailed.is_gzip && metadata.is_some_and(|metadata| metadata.len() > tailed.offset)
    }

    /// A file has lost its name: it is read on through its handle, or under the name that it has got.
    fn depart(&mut self, id: FileId, listings: &mut Listings) {
        let Some(tailed) = self.files.get(&id) else { return };
        let path = tailed.path.clone();
        let (standing, rotated) = (tailed.standing, tailed.rotated);
        if standing == Standing::Expected && !rotated && is_at(&path, id) {
            // It is where it was, but the configuration does not ask for it any more.
            return;
        }
        let moved = if is_at(&path, id) { Some(path.clone()) } else { find(&path, id, listings) };
        let has_name = moved.is_some();
        if let Some(moved) = moved.filter(|moved| *moved != path) {
            self.rename(id, moved);
        }
        let Some(tailed) = self.files.get_mut(&id) else { return };
        tailed.rotated = true;
        let is_open =
            tailed.is_gzip && has_name || matches!(self.handles.get(id, &tailed.path), Ok(Some(_)));
        if is_open {
            info!(path = %path.display(), "renamed or deleted; it is read to its end");
            tailed.standing = Standing::Departed;
            tailed.changed = Instant::now();
            self.handles.keep(id, !has_name);
            self.enqueue(id);
            self.times.check = self.times.check.min(Instant::now() + self.config.poll_interval);
        } else {
            debug!(path = %path.display(), "gone");
            tailed.end(now());
        }
        self.noted.insert(id);
    }
}

/// Whether the system must have told of a change of this time by now.
fn has_settled(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age > Duration::from_secs(2))
}

fn is_old(since: u64) -> bool {
    now().saturating_sub(since) >= MEMORY.as_secs()
}

/// Whether the file is at this path.
fn is_at(path: &Path, id: FileId) -> bool {
    path.metadata().is_ok_and(|metadata| FileId::of(&metadata) == id)
}

/// Where in the directory of this path the file is.
fn find(path: &Path, id: FileId, listings: &mut Listings) -> Option<PathBuf> {
    let directory = path.parent()?;
    if !listings.contains_key(directory) {
        let entries = directory.read_dir().into_iter().flatten().flatten();
        let listing = entries.map(|entry| (entry.ino(), entry.path())).collect();
        listings.insert(directory.to_owned(), listing);
    }
    let found = listings.get(directory)?.get(&id.inode)?;
    is_at(found, id).then(|| found.clone())
}
