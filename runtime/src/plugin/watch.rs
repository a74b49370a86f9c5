//! Notices changed component files, and loads them beside the running versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use super::{Engine, Loaded};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// What tells one version of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    bytes: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

/// A component file and who runs it.
struct Watched {
    path: PathBuf,
    /// What is running, or could not be loaded: it is not loaded again before it changes.
    known: Option<Version>,
    /// What the last look found. A file that is still being written is not loaded.
    seen: Option<Version>,
    /// Whether it was told that the file is missing.
    is_missed: bool,
    newest: watch::Sender<Arc<Loaded>>,
}

/// Watches the components of all plugins.
pub(super) struct ComponentWatch {
    engine: Arc<Engine>,
    components: Vec<Watched>,
    /// Asked to look at once, and to load again what has not changed, too.
    reload: Arc<Notify>,
}

impl ComponentWatch {
    pub(super) fn new(engine: Arc<Engine>, reload: Arc<Notify>) -> Self {
        Self { engine, components: Vec::new(), reload }
    }

    /// Loads the component at `path`, or takes the one that is loaded already. Blocks.
    ///
    /// # Errors
    /// Why it can't be loaded.
    pub(super) fn load(
        &mut self,
        path: &Path,
    ) -> Result<watch::Receiver<Arc<Loaded>>, super::LoadError> {
        if let Some(known) = self.components.iter().find(|known| known.path == path) {
            return Ok(known.newest.subscribe());
        }
        // Before it is read: what changes meanwhile is noticed later.
        let version = Version::of(path);
        let (newest, receiver) = watch::channel(self.engine.load(path)?);
        let path = path.to_owned();
        self.components.push(Watched {
            path,
            known: version,
            seen: version,
            is_missed: false,
            newest,
        });
        Ok(receiver)
    }

    /// Looks at the files until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let is_forced = tokio::select! {
                () = tokio::time::sleep(INTERVAL) => false,
                () = self.reload.notified() => true,
            };
            let looked = tokio::task::spawn_blocking(move || {
                self.look(is_forced);
                self
            });
            let Ok(watch) = looked.await else { return };
            self = watch;
        }
    }

    fn look(&mut self, is_forced: bool) {
        for component in &mut self.components {
            let now = Version::of(&component.path);
            let is_stable = now == component.seen;
            component.seen = now;
            let is_new = is_stable && now != component.known;
            component.miss(now.is_none() && is_stable);
            // A missing file is one that is about to be replaced.
            if now.is_some() && (is_new || is_forced) {
                component.known = now;
                component.renew(&self.engine);
            }
        }
    }
}

impl Watched {
    /// Tells once that the file is missing: the next start of loglite would fail.
    fn miss(&mut self, is_missing: bool) {
        if is_missing && !self.is_missed {
            let path = self.path.display();
            warn!(component = %path, "the component's file is gone; the loaded one stays until loglite ends");
        }
        self.is_missed = is_missing;
    }

    fn renew(&self, engine: &Arc<Engine>) {
        let path = self.path.display();
        let kind = self.newest.borrow().kind;
        let loaded = engine.load(&self.path);
        let loaded = loaded.and_then(|loaded| loaded.expect(kind, &self.path).map(|()| loaded));
        match loaded {
            Ok(loaded) => {
                info!(component = %path, "component loaded again");
                self.newest.send_replace(loaded);
            }
            Err(error) => {
                error!(component = %path, %error, "the changed component is not used; the old one stays");
            }
        }
    }
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }
}
