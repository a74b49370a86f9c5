//! Finds the files that match the patterns.
//!
//! It walks only below the part of a pattern without wildcards, and only into directories that can lead to a match.
//! Links are followed, except to directories below `**`, where they could lead in circles.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::warn;

use super::handles::is_absence;
use super::identity::FileId;
use super::pattern::{PathSet, Pattern, Step};
use crate::config::FileConfig;

/// Below `**` no deeper than so many directories.
const DEEPEST: usize = 32;
/// Of so many paths it is remembered that the log has told of them.
const MOST_TOLD: usize = 1_000;

/// Looks for the files of a harvester.
#[derive(Debug)]
pub(super) struct Discovery {
    patterns: Vec<Pattern>,
    exclude: PathSet,
    harvester: String,
    told: HashSet<PathBuf>,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    /// Whether its name is a link: its directory does not tell of changes then.
    pub(super) is_link: bool,
}

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// By path.
    pub(super) files: BTreeMap<PathBuf, Found>,
    /// Directories in which files may come up.
    pub(super) directories: BTreeSet<PathBuf>,
    /// Whether a directory of a pattern is missing.
    pub(super) is_incomplete: bool,
}

impl Discovery {
    /// As configured; relative patterns begin at `directory`.
    ///
    /// # Errors
    /// What is wrong with a pattern.
    pub(super) fn new(
        config: &FileConfig,
        directory: &Path,
        harvester: &str,
    ) -> Result<Self, globset::Error> {
        let read = |pattern: &String| Pattern::read(pattern, directory);
        Ok(Self {
            patterns: config.paths.iter().map(read).collect::<Result<_, _>>()?,
            exclude: PathSet::read(&config.exclude, directory)?,
            harvester: harvester.to_owned(),
            told: HashSet::new(),
        })
    }

    /// Looks at all that is there now. Blocks.
    pub(super) fn look(&mut self) -> Findings {
        let mut findings = Findings::default();
        for pattern in self.patterns.clone() {
            if pattern.steps.is_empty() {
                if let Some(parent) = pattern.base.parent() {
                    findings.is_incomplete |= !parent.is_dir();
                    findings.directories.insert(parent.to_owned());
                }
                self.take(&pattern.base, &mut findings);
            } else {
                findings.is_incomplete |= !pattern.base.is_dir();
                self.walk(&pattern.base, &pattern.steps, 0, &mut findings);
            }
        }
        findings
    }

    fn walk(&mut self, directory: &Path, steps: &[Step], depth: usize, findings: &mut Findings) {
        let Some((step, rest)) = steps.split_first() else { return };
        if let Step::Name(name) = step {
            self.enter(&directory.join(name), rest, depth, findings);
            return;
        }
        if matches!(step, Step::Anywhere) && !rest.is_empty() {
            self.walk(directory, rest, depth, findings);
        }
        findings.directories.insert(directory.to_owned());
        for (path, kind) in self.entries(directory) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            match step {
                Step::Name(_) => {}
                Step::Matching(matcher, hidden) => {
                    if hidden.admits(&name) && matcher.is_match(name.as_ref()) {
                        self.enter(&path, rest, depth, findings);
                    }
                }
                Step::Anywhere | Step::Path(_) if name.starts_with('.') => {}
                Step::Anywhere | Step::Path(_) if kind.is_dir() => {
                    if depth < DEEPEST {
                        self.walk(&path, steps, depth + 1, findings);
                    }
                }
                Step::Anywhere if rest.is_empty() => self.take(&path, findings),
                Step::Anywhere => {}
                Step::Path(matcher) => {
                    if matcher.is_match(&path) {
                        self.take(&path, findings);
                    }
                }
            }
        }
    }

    fn enter(&mut self, path: &Path, rest: &[Step], depth: usize, findings: &mut Findings) {
        if rest.is_empty() {
            self.take(path, findings);
        } else if path.is_dir() {
            self.walk(path, rest, depth, findings);
        }
    }

    fn take(&mut self, path: &Path, findings: &mut Findings) {
        if self.exclude.has(path) {
            return;
        }
        let look = || -> io::Result<(Metadata, bool)> {
            let metadata = path.symlink_metadata()?;
            if metadata.is_symlink() { Ok((path.metadata()?, true)) } else { Ok((metadata, false)) }
        };
        match look() {
            Ok((metadata, is_link)) if metadata.is_file() => {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let (id, size) = (FileId::of(&metadata), metadata.len());
                let path = path.to_owned();
                let found = Found { path: path.clone(), id, size, modified, is_link };
                findings.files.insert(path, found);
            }
            // A pattern such as `**` or `*` matches them as a matter of course.
            Ok((metadata, _)) if metadata.is_dir() => {}
            Ok(_) => self.tell(path, "left out, as it is no regular file"),
            Err(error) if is_absence(&error) => {}
            Err(error) => self.tell(path, &format!("can't be looked at: {error}")),
        }
    }

    fn entries(&mut self, directory: &Path) -> Vec<(PathBuf, FileType)> {
        match std::fs::read_dir(directory) {
            Ok(entries) => entries
                .filter_map(|entry| {
                    let entry = entry.ok()?;
                    Some((entry.path(), entry.file_type().ok()?))
                })
                .collect(),
            Err(error) if is_absence(&error) => Vec::new(),
            Err(error) => {
                self.tell(directory, &format!("can't be listed: {error}"));
                Vec::new()
            }
        }
    }

    fn tell(&mut self, path: &Path, what: &str) {
        if self.told.len() < MOST_TOLD && self.told.insert(path.to_owned()) {
            warn!(harvester = self.harvester, path = %path.display(), "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    use super::*;

    fn found(paths: &[&str], exclude: &[&str], directory: &Path) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let config = FileConfig {
            paths: texts(paths),
            exclude: texts(exclude),
            start: None,
            poll_interval: std::time::Duration::from_secs(1),
            gzip: false,
            max_open_files: 10,
        };
        let mut discovery = Discovery::new(&config, directory, "logs").expect("patterns");
        let files = discovery.look().files.into_keys();
        let relative = files.map(|path| path.strip_prefix(directory).expect("below").to_owned());
        relative.map(|path| path.display().to_string()).collect()
    }

    fn tree() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for path in ["a.log", "b.log", ".hidden.log", "c.txt", "x/a.log", "x/y/a.log", "z/b.log"] {
            let path = directory.path().join(path);
            create_dir_all(path.parent().expect("a parent")).expect("made");
            write(path, "x").expect("written");
        }
        create_dir_all(directory.path().join("dir.log")).expect("made");
        directory
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        let directory = tree();
        for (pattern, expected) in [
            ("*.log", vec!["a.log", "b.log"]),
            (".*.log", vec![".hidden.log"]),
            ("?.log", vec!["a.log", "b.log"]),
            ("[a].log", vec!["a.log"]),
            ("{a,c}.*", vec!["a.log", "c.txt"]),
            ("{x/y,z}/*.log", vec!["x/y/a.log", "z/b.log"]),
            ("*/a.log", vec!["x/a.log"]),
            ("**/a.log", vec!["a.log", "x/a.log", "x/y/a.log"]),
            ("x/**", vec!["x/a.log", "x/y/a.log"]),
            ("a.log", vec!["a.log"]),
            ("none/*.log", vec![]),
            ("none.log", vec![]),
        ] {
            assert_eq!(found(&[pattern], &[], directory.path()), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_excluded_is_left_out_and_two_patterns_find_a_file_once() {
        let directory = tree();
        let paths = ["*.log", "a.*", "**/*.log"];
        let expected = ["a.log", "x/a.log"];
        assert_eq!(found(&paths, &["b.log", "x/y/*"], directory.path()), expected);
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let directory = tree();
        symlink("a.log", directory.path().join("link.log")).expect("linked");
        symlink("..", directory.path().join("x/up")).expect("linked");
        symlink("none", directory.path().join("x/broken.log")).expect("linked");
        assert_eq!(found(&["l*.log"], &[], directory.path()), ["link.log"]);
        assert_eq!(found(&["x/**/b.log"], &[], directory.path()), Vec::<String>::new());
        assert_eq!(found(&["x/*/b.log"], &[], directory.path()), ["x/up/b.log"]);
    }
}
