//! All files of a harvester: which there are, and which of them have something to read.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::discovery::Discovery;
use super::gzip::Unpacking;
use super::handles::Handles;
use super::identity::FileId;
use super::kin::Kin;
use super::pattern::PathSet;
use super::position::Position;
use super::tailed::{Standing, Tailed};
use super::watcher::Watcher;
use crate::config::{FileConfig, LineConfig};
use crate::domain::{Checkpoint, CheckpointKey, SourceName};
use crate::harvest::{Failure, LineReader};
use crate::metrics::HarvesterMetrics;
use crate::pipeline::HaulBuilder;

/// The files of a harvester. Its methods block.
#[derive(Debug)]
pub(super) struct Tails {
    pub(super) config: FileConfig,
    pub(super) line: LineConfig,
    pub(super) reader: Arc<LineReader>,
    pub(super) source: SourceName,
    pub(super) metrics: HarvesterMetrics,
    pub(super) discovery: Discovery,
    pub(super) watcher: Watcher,
    pub(super) files: HashMap<FileId, Tailed>,
    /// Files that share a directory and the begin of their names: one may be a copy of another.
    pub(super) families: Kin,
    /// Files that share a directory and a stem: generations of one.
    pub(super) generations: Kin,
    /// Files by the names that match.
    pub(super) paths: HashMap<PathBuf, FileId>,
    /// Files that may have something to read, in turn.
    pub(super) queue: VecDeque<FileId>,
    pub(super) handles: Handles,
    /// The compressed file that is being read.
    pub(super) unpacking: Option<Unpacking>,
    /// Files whose positions are to be stored.
    pub(super) moved: BTreeSet<FileId>,
    /// Files whose positions have changed in what can wait for another reason to store.
    pub(super) noted: BTreeSet<FileId>,
    /// Files whose positions are to be forgotten.
    pub(super) forgotten: Vec<FileId>,
    pub(super) era: Era,
    /// Whether it looks because it is time, and not because something was heard.
    pub(super) is_routine: bool,
    pub(super) times: Times,
    pub(super) builder: HaulBuilder,
    pub(super) buffer: Vec<u8>,
}

/// What the runs before have left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The harvester's own checkpoint.
    pub(super) marker: Option<Checkpoint>,
    /// Those of its files.
    pub(super) positions: Vec<(CheckpointKey, Checkpoint)>,
}

/// What is known of the time before, for files that were never seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// The harvester has never been started before.
    First,
    /// It has been started again, and has not looked yet.
    Again,
    /// It has looked at all files.
    Running,
}

/// When what is done next.
#[derive(Debug)]
pub(super) struct Times {
    /// All files are looked for.
    pub(super) look: Instant,
    /// Those are looked at whose changes nobody tells.
    pub(super) check: Instant,
}

impl Tails {
    /// All files as they were left, by the checkpoints of the harvester and of its files.
    ///
    /// # Errors
    /// [`Failure::Hopeless`] when a pattern can't be read.
    pub(super) fn resume(
        config: &FileConfig,
        line: &LineConfig,
        (reader, metrics): (Arc<LineReader>, HarvesterMetrics),
        left: &Left,
    ) -> Result<Self, Failure> {
        let harvester = metrics.name().to_owned();
        let directory = std::env::current_dir().map_err(|error| {
            Failure::Passing(format!("the working directory can't be found: {error}"))
        })?;
        let hopeless = |error: globset::Error| Failure::Hopeless(format!("`path`: {error}"));
        let patterns = config.paths.iter();
        let absolute: Vec<_> =
            patterns.map(|pattern| super::pattern::absolute(pattern, &directory)).collect();
        let patterns = PathSet::read(&absolute, &directory).map_err(hopeless)?;
        let now = Instant::now();
        let mut tails = Self {
            discovery: Discovery::new(config, &directory, &harvester).map_err(hopeless)?,
            watcher: Watcher::new(patterns, &harvester),
            handles: Handles::new(config.max_open_files),
            era: if left.marker.is_some() { Era::Again } else { Era::First },
            is_routine: false,
            times: Times { look: now, check: now },
            config: config.clone(),
            line: line.clone(),
            reader,
            source: harvester.as_str().into(),
            metrics,
            files: HashMap::new(),
            families: Kin::default(),
            generations: Kin::default(),
            paths: HashMap::new(),
            queue: VecDeque::new(),
            unpacking: None,
            moved: BTreeSet::new(),
            noted: BTreeSet::new(),
            forgotten: Vec::new(),
            builder: HaulBuilder::default(),
            buffer: Vec::new(),
        };
        for (id, position) in
            left.positions.iter().filter_map(|(key, one)| Position::read(key, one))
        {
            tails.insert(Tailed::resumed(id, position));
        }
        Ok(tails)
    }

    /// Adds a file.
    pub(super) fn insert(&mut self, tailed: Tailed) {
        self.families.join(&tailed.family, tailed.id);
        self.generations.join(&tailed.generations, tailed.id);
        self.files.insert(tailed.id, tailed);
    }

    /// Gives a file another name.
    pub(super) fn rename(&mut self, id: FileId, path: PathBuf) {
        let Some(mut tailed) = self.files.remove(&id) else { return };
        self.leave_family(&tailed);
        tailed.name(path);
        self.insert(tailed);
    }

    /// Knows a file no more; its position is forgotten with the next haul.
    pub(super) fn forget(&mut self, id: FileId) {
        if let Some(tailed) = self.files.remove(&id) {
            self.leave_family(&tailed);
        }
        self.handles.close(id);
        self.moved.remove(&id);
        self.noted.remove(&id);
        self.forgotten.push(id);
    }

    fn leave_family(&mut self, tailed: &Tailed) {
        self.families.leave(&tailed.family, tailed.id);
        self.generations.leave(&tailed.generations, tailed.id);
    }

    /// A file may have something to read.
    pub(super) fn enqueue(&mut self, id: FileId) {
        if let Some(tailed) = self.files.get_mut(&id)
            && tailed.is_alive()
            && !tailed.is_queued
        {
            tailed.is_queued = true;
            self.queue.push_back(id);
        }
    }

    /// When there will be something to do if nothing is heard before.
    pub(super) fn next_due(&self) -> Instant {
        let of_files = self.files.values().filter_map(Tailed::due);
        of_files.chain([self.times.look, self.times.check]).min().unwrap_or_else(Instant::now)
    }

    /// How long all files may be left alone when the system tells of changes.
    pub(super) fn patience(&self) -> Duration {
        let poll = self.config.poll_interval;
        if self.watcher.is_whole() { (poll * 10).max(Duration::from_secs(5)) } else { poll }
    }

    /// Bytes that are there and not handed over.
    pub(super) fn unread(&self) -> u64 {
        self.files.values().map(Tailed::unread).sum()
    }

    /// How many files are watched.
    pub(super) fn present(&self) -> usize {
        let is_present =
            |tailed: &&Tailed| matches!(tailed.standing, Standing::Present | Standing::Departed);
        self.files.values().filter(is_present).count()
    }
}
