//! Files of all kinds: what is handed over of them, also by harvesters that are started again from what was committed.

mod copies;
mod growth;
mod packed;
mod restarts;
mod rotation;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::tailed::{SILENCE, Tailed};
use super::tails::{Left, Tails};
use crate::config::{FileConfig, LineConfig, LineFormat, Start};
use crate::domain::{Checkpoint, CheckpointKey};
use crate::harvest::LineReader;
use crate::metrics::Metrics;
use crate::pipeline::Haul;

/// A directory of logs, a harvester of them, and what it has handed over.
struct Logs {
    directory: TempDir,
    config: FileConfig,
    line: LineConfig,
    /// What is committed.
    checkpoints: BTreeMap<CheckpointKey, Checkpoint>,
    rows: Vec<String>,
    tails: Option<Tails>,
}

impl Logs {
    /// Harvests these patterns of its directory; files begin at their beginning.
    fn of(patterns: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let absolute = |pattern: &&str| directory.path().join(pattern).display().to_string();
        let config = FileConfig {
            paths: patterns.iter().map(absolute).collect(),
            exclude: Vec::new(),
            start: Some(Start::Beginning),
            poll_interval: Duration::from_secs(1),
            gzip: false,
            max_open_files: 100,
        };
        let line = LineConfig { format: LineFormat::Text, ..LineConfig::default() };
        let (checkpoints, rows) = (BTreeMap::new(), Vec::new());
        Self { directory, config, line, checkpoints, rows, tails: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces what a file holds, without making another file of it.
    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("written");
    }

    fn append(&self, name: &str, content: &str) {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(self.path(name));
        file.expect("opened").write_all(content.as_bytes()).expect("written");
    }

    fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).expect("renamed");
    }

    fn copy(&self, from: &str, to: &str) {
        std::fs::copy(self.path(from), self.path(to)).expect("copied");
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).expect("removed");
    }

    fn tails(&mut self) -> &mut Tails {
        if self.tails.is_none() {
            let left = Left {
                marker: self.checkpoints.get(&CheckpointKey::from(&"logs".into())).cloned(),
                positions: self.checkpoints.iter().map(|(k, c)| (k.clone(), c.clone())).collect(),
            };
            let metrics = Metrics::default().harvester("logs", "file", None);
            let reader = LineReader::new(&self.line, "timestamp");
            let tails = Tails::resume(&self.config, &self.line, (reader.into(), metrics), &left);
            self.tails = Some(tails.expect("it starts"));
        }
        self.tails.as_mut().expect("it was just made")
    }

    /// Looks at all files, hands over what is there, and commits it.
    fn harvest(&mut self) {
        self.tails().times.look = Instant::now();
        for _ in 0..10_000 {
            let gathered = self.tails().gather();
            let has_more = gathered.has_more;
            let is_idle = gathered.haul.is_none();
            gathered.haul.into_iter().for_each(|haul| self.commit(haul));
            if !has_more && is_idle {
                return;
            }
        }
        panic!("it comes to no end");
    }

    fn commit(&mut self, haul: Haul) {
        self.rows.extend(haul.entries.iter().map(|entry| message(entry.as_str())));
        for (key, checkpoint) in haul.checkpoints {
            match checkpoint {
                Some(checkpoint) => self.checkpoints.insert(key, checkpoint),
                None => self.checkpoints.remove(&key),
            };
        }
    }

    /// As after a stop or `kill -9`: what was committed is all that is known.
    fn stop(&mut self) {
        self.tails = None;
    }

    /// Lets so much time pass that silent files are at their end.
    fn pass_silence(&mut self) {
        let long_ago = Instant::now().checked_sub(SILENCE).expect("the machine is up for long");
        self.tails().files.values_mut().for_each(|file| file.changed = long_ago);
    }

    /// Gathers and commits so many times.
    fn harvest_some(&mut self, times: usize) {
        for _ in 0..times {
            let haul = self.tails().gather().haul;
            haul.into_iter().for_each(|haul| self.commit(haul));
        }
    }

    /// Gives a file the time of its run: the first letters are the oldest.
    fn age(&self, name: &str, run: &str) {
        let seconds: u64 = run.bytes().map(u64::from).sum();
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds);
        let file = OpenOptions::new().append(true).open(self.path(name)).expect("opened");
        file.set_modified(time).expect("its time is set");
    }

    fn remove_if_there(&self, name: &str) {
        if self.path(name).exists() {
            self.remove(name);
        }
    }

    /// What has been handed over since the last call.
    fn new_rows(&mut self) -> Vec<String> {
        std::mem::take(&mut self.rows)
    }

    /// Harvests, and says what was handed over.
    fn harvested(&mut self) -> Vec<String> {
        self.harvest();
        self.new_rows()
    }

    fn file(&self, name: &str) -> &Tailed {
        let path = self.path(name);
        let files = &self.tails.as_ref().expect("it runs").files;
        files.values().find(|file| file.path == path).expect("it is known")
    }
}

/// The message of an entry.
fn message(entry: &str) -> String {
    let entry: serde_json::Value = serde_json::from_str(entry).expect("JSON");
    entry["message"].as_str().expect("a message").to_owned()
}

/// Lines with these numbers.
fn lines(run: &str, numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("{run}{number}\n")).collect()
}

/// The same lines without their ends.
fn texts(run: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{run}{number}")).collect()
}

#[test]
fn nothing_is_written_beside_the_files() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    let names = |directory: &Path| std::fs::read_dir(directory).expect("listed").count();
    assert_eq!(names(logs.directory.path()), 1);
    assert_eq!(std::fs::read_to_string(logs.path("a.log")).expect("read"), "a\n");
}
