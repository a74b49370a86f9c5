//! Hears from the system that something has changed, so that it is looked at at once and not at the next poll.
//!
//! What it hears is only a hint: all files are looked at from time to time in any case.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

use super::identity::FileId;
use super::pattern::PathSet;

/// More changed files than this, and all are looked at.
const MOST_TOUCHED: usize = 1_000;
/// More directories than this are not watched.
const MOST_DIRECTORIES: usize = 4_096;

/// Watches directories.
#[derive(Debug)]
pub(super) struct Watcher {
    signals: Arc<Signals>,
    harvester: String,
    /// None when the system does not let directories be watched.
    inner: Option<RecommendedWatcher>,
    /// The directories, and which ones they were when they were watched first.
    watched: HashMap<PathBuf, Option<FileId>>,
}

/// What has been heard and not been looked at.
#[derive(Debug)]
pub(super) struct Signals {
    changed: Mutex<Changed>,
    woken: Notify,
    patterns: PathSet,
}

/// What may have changed.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Files have come or gone.
    pub(super) names: bool,
    /// These files have been written to.
    pub(super) touched: HashSet<PathBuf>,
}

impl Watcher {
    /// Watches nothing yet. Changes of files that don't match the patterns are not told.
    pub(super) fn new(patterns: PathSet, harvester: &str) -> Self {
        let signals = Signals { changed: Mutex::default(), woken: Notify::new(), patterns };
        let signals = Arc::new(signals);
        let hears = Arc::clone(&signals);
        let inner = notify::recommended_watcher(move |event| hears.hear(event));
        let inner = inner.map_err(|error| tell(harvester, &error)).ok();
        Self { signals, harvester: harvester.to_owned(), inner, watched: HashMap::new() }
    }

    /// What it hears.
    pub(super) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// Whether all directories are watched.
    pub(super) fn is_whole(&self) -> bool {
        self.inner.is_some()
    }

    /// Something has changed that it did not hear of, as happens with file systems of other machines: it is not relied
    /// on any more.
    pub(super) fn distrust(&mut self) {
        if self.inner.take().is_some() {
            warn!(
                harvester = self.harvester,
                "the system does not tell of all changes; files are looked at every `poll_interval`"
            );
        }
    }

    /// Watches these directories and no others. When it can't, it watches none from then on. Returns whether all of
    /// them were watched before.
    pub(super) fn watch(&mut self, directories: &BTreeSet<PathBuf>) -> bool {
        let Some(inner) = &mut self.inner else { return true };
        if directories.len() > MOST_DIRECTORIES {
            warn!(
                harvester = self.harvester,
                directories = directories.len(),
                "too many directories to be watched; changes are found by looking at all files every `poll_interval`"
            );
            self.inner = None;
            return true;
        }
        let now = directories.iter().map(|path| (path.clone(), identify(path)));
        let now: HashMap<_, _> = now.filter(|(_, id)| id.is_some()).collect();
        for (path, id) in &self.watched {
            if now.get(path) != Some(id) && inner.unwatch(path).is_err() {
                tracing::debug!(path = %path.display(), "was not watched any more");
            }
        }
        let is_new =
            |(path, id): &(&PathBuf, &Option<FileId>)| self.watched.get(*path) != Some(*id);
        let mut is_settled = true;
        for (path, _) in now.iter().filter(is_new) {
            is_settled = false;
            match inner.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // It is gone again.
                Err(_) if identify(path).is_none() => {}
                Err(error) => {
                    tell(&self.harvester, &error);
                    self.inner = None;
                    break;
                }
            }
        }
        self.watched = now;
        is_settled
    }
}

impl Signals {
    /// Waits until something has changed since the last [`Signals::take`].
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What may have changed since the last call.
    pub(super) fn take(&self) -> Changed {
        std::mem::take(&mut *self.lock())
    }

    fn hear(&self, event: notify::Result<Event>) {
        let is_heard = match event {
            Ok(event) if event.need_rescan() => self.note_names(),
            Ok(event) => self.note(&event),
            Err(_) => self.note_names(),
        };
        if is_heard {
            self.woken.notify_one();
        }
    }

    fn note(&self, event: &Event) -> bool {
        let matching = || event.paths.iter().filter(|path| self.patterns.has(path));
        match event.kind {
            // Its reading tells of itself, and its writing was told before.
            EventKind::Access(_) => false,
            EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_)) => {
                let touched: Vec<_> = matching().cloned().collect();
                !touched.is_empty() && self.note_touched(touched)
            }
            _ => {
                // A directory may lead to files that match.
                let is_directory = |path: &PathBuf| Path::is_dir(path);
                let counts = matching().next().is_some() || event.paths.iter().any(is_directory);
                counts && self.note_names()
            }
        }
    }

    fn note_names(&self) -> bool {
        self.lock().names = true;
        true
    }

    fn note_touched(&self, paths: Vec<PathBuf>) -> bool {
        let mut changed = self.lock();
        if changed.touched.len() >= MOST_TOUCHED {
            changed.names = true;
            changed.touched.clear();
        }
        if !changed.names {
            changed.touched.extend(paths);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn identify(path: &Path) -> Option<FileId> {
    path.metadata().ok().as_ref().map(FileId::of)
}

fn tell(harvester: &str, error: &notify::Error) {
    warn!(
        harvester,
        %error,
        "the system does not tell of changes; files are looked at every `poll_interval`"
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn watch(directory: &Path) -> Watcher {
        let patterns = PathSet::read(&["*.log".to_owned()], directory).expect("a pattern");
        let mut watcher = Watcher::new(patterns, "logs");
        watcher.watch(&BTreeSet::from([directory.to_owned()]));
        assert!(watcher.is_whole());
        watcher
    }

    async fn until(signals: &Signals, condition: impl Fn(&Changed) -> bool) {
        let heard = async {
            while !condition(&signals.take()) {
                signals.woken().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.expect("it is heard");
    }

    #[tokio::test]
    async fn new_names_and_what_is_written_are_heard() {
        let directory = tempfile::tempdir().expect("a directory");
        let watcher = watch(directory.path());
        let path = directory.path().join("a.log");

        std::fs::write(&path, "").expect("written");
        until(watcher.signals(), |changed| changed.names).await;
        std::fs::write(directory.path().join("b.txt"), "x").expect("written");
        std::fs::write(&path, "x").expect("written");
        until(watcher.signals(), |changed| changed.touched == HashSet::from([path.clone()])).await;
        std::fs::rename(&path, directory.path().join("a.old")).expect("renamed");
        until(watcher.signals(), |changed| changed.names).await;
    }

    #[tokio::test]
    async fn a_directory_that_was_made_anew_is_watched_again() {
        let parent = tempfile::tempdir().expect("a directory");
        let directory = parent.path().join("logs");
        std::fs::create_dir(&directory).expect("made");
        let mut watcher = watch(&directory);
        std::fs::rename(&directory, parent.path().join("old")).expect("renamed");
        std::fs::create_dir(&directory).expect("made");

        watcher.watch(&BTreeSet::from([directory.clone()]));

        watcher.signals().take();
        std::fs::write(directory.join("a.log"), "").expect("written");
        until(watcher.signals(), |changed| changed.names).await;
    }
}
