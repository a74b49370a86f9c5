//! Gathers what is to be handed over next: each file with something to read has its turn.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::gzip::Unpacking;
use super::identity::FileId;
use super::position::{Position, marker, now};
use super::tailed::{Standing, Tailed};
use super::tails::{Era, Tails};
use super::turn::{self, Sink, Turn};
use crate::domain::CheckpointKey;
use crate::pipeline::Haul;

/// A haul is full with so many entries, or bytes of them.
const HAUL_ENTRIES: usize = 1_000;
const HAUL_BYTES: usize = 256 * 1024;
/// A file that can't be read is tried again after this.
const RETRY: Duration = Duration::from_secs(10);

/// What was gathered.
#[derive(Debug)]
pub(super) struct Gathered {
    /// None when there is nothing to store.
    pub(super) haul: Option<Haul>,
    /// Bytes that are there and not gathered yet.
    pub(super) unread: u64,
    /// Bytes of the files that the haul was made of.
    pub(super) bytes: u64,
    /// Whether there is more to gather at once.
    pub(super) has_more: bool,
}

impl Tails {
    /// Looks for what has changed, and reads until the haul is full or nothing is left.
    pub(super) fn gather(&mut self) -> Gathered {
        let is_first = self.era == Era::First;
        let changed = self.watcher.signals().take();
        self.look_around(changed);
        self.wake_due();
        let mut bytes = 0;
        let mut turns = self.queue.len();
        while self.has_room() {
            let Some(id) = self.queue.pop_front() else { break };
            let read = self.give_turn(id);
            bytes += read;
            // Files may be in the queue only to wait for others there.
            turns = if read > 0 { self.queue.len() } else { turns.saturating_sub(1) };
            if turns == 0 {
                break;
            }
        }
        self.metrics.bytes.inc_by(bytes);
        let haul = self.take_haul(is_first);
        Gathered { haul, unread: self.unread(), bytes, has_more: !self.queue.is_empty() }
    }

    fn has_room(&self) -> bool {
        self.builder.len() < HAUL_ENTRIES && self.builder.byte_len() < HAUL_BYTES
    }

    /// Puts the files into the queue whose time has come.
    fn wake_due(&mut self) {
        let now = Instant::now();
        let is_due = |tailed: &&Tailed| tailed.due().is_some_and(|at| at <= now);
        let due: Vec<_> = self.files.values().filter(is_due).map(|file| file.id).collect();
        due.into_iter().for_each(|id| self.enqueue(id));
    }

    /// Reads on in a file; returns how many bytes it read.
    fn give_turn(&mut self, id: FileId) -> u64 {
        let Some(mut tailed) = self.files.remove(&id) else { return 0 };
        let before = tailed.offset;
        tailed.is_queued = false;
        let is_early = tailed.retry_at.is_some_and(|at| at > Instant::now());
        let outcome = if is_early || !tailed.is_alive() {
            Ok(Turn::End(0))
        } else if self.has_older(&tailed) {
            Ok(Turn::More(0))
        } else {
            self.read(&mut tailed)
        };
        let turn = match outcome {
            Ok(turn) => turn,
            Err(error) => {
                self.put_off(&mut tailed, &error);
                Turn::End(0)
            }
        };
        if turn == Turn::Replaced {
            self.replaced(&mut tailed);
        }
        let is_moved = tailed.offset != before;
        self.files.insert(id, tailed);
        if is_moved {
            self.moved.insert(id);
        }
        match turn {
            Turn::End(bytes) => bytes,
            Turn::More(bytes) => {
                self.enqueue(id);
                bytes
            }
            Turn::Replaced => {
                self.enqueue(id);
                0
            }
        }
    }

    fn read(&mut self, tailed: &mut Tailed) -> std::io::Result<Turn> {
        tailed.retry_at = None;
        if tailed.is_gzip && tailed.finished_size == Some(tailed.size) {
            return Ok(Turn::End(0));
        }
        if tailed.is_fresh() && tailed.examined == 0 {
            tailed.is_dormant = self.is_copy(tailed);
        }
        if tailed.is_dormant {
            return Ok(Turn::End(0));
        }
        let turn = if tailed.is_gzip { self.unpack(tailed) } else { self.read_plain(tailed) }?;
        tailed.is_told = false;
        if let Turn::More(1..) | Turn::End(1..) = turn {
            tailed.changed = Instant::now();
        }
        if matches!(turn, Turn::End(_)) && tailed.is_silent() {
            return self.close(tailed);
        }
        Ok(turn)
    }

    fn read_plain(&mut self, tailed: &mut Tailed) -> std::io::Result<Turn> {
        let mut sink = Sink {
            config: &self.line,
            reader: &self.reader,
            out: &mut self.builder,
            buffer: &mut self.buffer,
        };
        let Some(file) = self.handles.get(tailed.id, &tailed.path)? else {
            // It has been moved or deleted: the next look tells.
            self.times.look = Instant::now();
            return Ok(Turn::End(0));
        };
        let due = tailed.settle_at.is_some_and(|at| at <= Instant::now());
        let turn = turn::read_on(tailed, file, &mut sink)?;
        if due && turn == Turn::End(0) {
            turn::settle(tailed, file, &mut sink);
        }
        Ok(turn)
    }

    fn unpack(&mut self, tailed: &mut Tailed) -> std::io::Result<Turn> {
        if self.is_unpacking_another(tailed.id) {
            return Ok(Turn::More(0));
        }
        let open = self.unpacking.take().filter(|open| open.is_of(tailed.id));
        let mut open = match open {
            Some(open) => open,
            None => {
                tailed.step_back();
                Unpacking::open(tailed.id, &tailed.path)?
            }
        };
        let mut sink = Sink {
            config: &self.line,
            reader: &self.reader,
            out: &mut self.builder,
            buffer: &mut self.buffer,
        };
        match open.read_on(tailed, &mut sink) {
            Ok(turn @ Turn::More(_)) => {
                self.unpacking = Some(open);
                Ok(turn)
            }
            Ok(turn) => {
                let (end, prints) = (tailed.offset, tailed.prints);
                tailed.go_to(end, prints);
                self.moved.insert(tailed.id);
                Ok(turn)
            }
            // It is still being written.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                tailed.step_back();
                Ok(Turn::End(0))
            }
            Err(error) => {
                tailed.step_back();
                Err(error)
            }
        }
    }

    /// Whether another compressed file is being read. One at a time: two by turns would each begin anew.
    fn is_unpacking_another(&self, id: FileId) -> bool {
        let open = self.unpacking.as_ref().filter(|open| !open.is_of(id));
        let other = open.and_then(|open| self.files.get(&open.id()));
        other.is_some_and(|other| other.is_queued && other.is_alive() && !other.is_dormant)
    }

    /// Nothing more is expected of a file: its last line counts also without an end.
    fn close(&mut self, tailed: &mut Tailed) -> std::io::Result<Turn> {
        if !tailed.is_gzip && tailed.offset < tailed.size {
            let mut sink = Sink {
                config: &self.line,
                reader: &self.reader,
                out: &mut self.builder,
                buffer: &mut self.buffer,
            };
            if let Some(file) = self.handles.get(tailed.id, &tailed.path)?
                && turn::finish(tailed, file, &mut sink)? == Turn::Replaced
            {
                return Ok(Turn::Replaced);
            }
        }
        if tailed.standing == Standing::Departed {
            info!(path = %tailed.path.display(), "closed: it was renamed or deleted, and is silent");
            let file = self.handles.get(tailed.id, &tailed.path).ok().flatten();
            let metadata = file.and_then(|file| file.metadata().ok());
            tailed.is_deleted = metadata.is_some_and(|metadata| metadata.nlink() == 0);
            tailed.end(now());
            self.handles.close(tailed.id);
            self.noted.insert(tailed.id);
        }
        Ok(Turn::End(0))
    }

    /// Whether an older file that rotation has moved is to be read before.
    fn has_older(&self, tailed: &Tailed) -> bool {
        let age = |file: &Tailed| (file.modified, file.id);
        let others = self.generations.of(&tailed.generations).iter();
        others.filter_map(|id| self.files.get(id)).any(|other| {
            let is_waiting = other.is_queued && !other.is_dormant && other.retry_at.is_none();
            is_waiting && other.rotated && other.unread() > 0 && age(other) < age(tailed)
        })
    }

    /// A file can't be read now.
    fn put_off(&mut self, tailed: &mut Tailed, error: &std::io::Error) {
        tailed.retry_at = Some(Instant::now() + RETRY.max(self.config.poll_interval));
        self.handles.close(tailed.id);
        if tailed.is_told {
            return;
        }
        tailed.is_told = true;
        let (harvester, path) = (self.source.as_str(), tailed.path.display());
        let text = format!("{path} can't be read: {error}");
        self.metrics.runs.note(&text);
        warn!(harvester, %path, %error, "can't be read; it is tried again from time to time");
    }

    fn take_haul(&mut self, is_first: bool) -> Option<Haul> {
        let has_marker = is_first && self.era != Era::First;
        let is_due = has_marker || !self.builder.is_empty() || !self.moved.is_empty();
        if !is_due && self.forgotten.is_empty() {
            return None;
        }
        let mut haul = self.builder.take();
        let source = &self.source;
        if has_marker {
            haul.checkpoints.push((CheckpointKey::from(source), Some(marker())));
        }
        let forgotten = self.forgotten.drain(..);
        haul.checkpoints.extend(forgotten.map(|id| (Position::key(source, id), None)));
        let changed = std::mem::take(&mut self.moved).into_iter();
        for id in changed.chain(std::mem::take(&mut self.noted)) {
            if let Some(tailed) = self.files.get(&id) {
                let position = tailed.position().to_checkpoint();
                haul.checkpoints.push((Position::key(source, id), Some(position)));
            }
        }
        Some(haul)
    }
}
