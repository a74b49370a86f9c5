//! `type: file`: files that grow.

use std::ops::RangeInclusive;
use std::time::Duration;

use globset::GlobBuilder;
use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::{FileConfig, InputConfig, Start};
use super::field::{self, Field, Given, NONE, REQUIRED, Read, one_or_more};

const PATHS: &str = "the path of a file, or a list of paths, such as /var/log/app/*.log";
pub(super) const START: &str = "`beginning` or `end`";
const POLL: RangeInclusive<u64> = 50..=3_600_000;

impl Default for FileConfig {
    /// Without paths.
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            exclude: Vec::new(),
            start: None,
            poll_interval: Duration::from_secs(1),
            gzip: false,
            max_open_files: 256,
        }
    }
}

pub(super) const KEYS: &[Field<FileConfig>] = &[
    Field {
        name: "path",
        expected: PATHS,
        default: REQUIRED,
        doc: "The file, or a list of files. A path may be a pattern: `*` and `?` stand for anything but \
              `/`, `**` for directories, `[…]` for one of some characters, `{a,b}` for either. Files \
              that appear later are found. `paths` is the same key.",
        read: Read::Nested(|file, node, path, report| {
            file.paths = value::each(node, path, report, pattern);
        }),
        show: |file| one_or_more(&file.paths),
    },
    Field {
        name: "paths",
        expected: PATHS,
        default: NONE,
        doc: "As `path`.",
        read: Read::Nested(|file, node, path, report| {
            file.paths = value::each(node, path, report, pattern);
        }),
        show: |_| Value::Null,
    },
    Field {
        name: "exclude",
        expected: "a list of patterns, such as /var/log/app/*.gz",
        default: "[]",
        doc: "Paths and patterns of files that are left out.",
        read: Read::Nested(|file, node, path, report| {
            file.exclude = value::each(node, path, report, pattern);
        }),
        show: |file| json!(file.exclude),
    },
    Field {
        name: "start",
        expected: START,
        default: NONE,
        doc: "Where a file begins that was never seen: at its `beginning` or its `end`. Unless it is \
              set: at the end if the file is there when the harvester first starts, at the beginning \
              if it appears later.",
        read: Read::Scalar(|file, text| store(&mut file.start, Start::from_name(text).map(Some))),
        show: |file| json!(file.start.map(Start::name)),
    },
    Field {
        name: "poll_interval",
        expected: "a time from 50ms to 3600s, such as 250ms, 1s or a number of milliseconds",
        default: "1s",
        doc: "How often all files are looked at, besides when the system tells of a change.",
        read: Read::Scalar(|file, text| {
            store(&mut file.poll_interval, value::duration(text, POLL))
        }),
        show: |file| value::as_duration(file.poll_interval),
    },
    Field {
        name: "gzip",
        expected: value::BOOLEAN,
        default: "false",
        doc: "Whether files that end in `.gz` are read, once and whole, such as those that a rotation \
              compressed while loglite did not run. Otherwise they are left out.",
        read: Read::Scalar(|file, text| store(&mut file.gzip, value::boolean(text))),
        show: |file| json!(file.gzip),
    },
    Field {
        name: "max_open_files",
        expected: "a whole number from 1 to 100000",
        default: "256",
        doc: "How many files are held open at most. More are read by turns.",
        read: Read::Scalar(|file, text| {
            store(&mut file.max_open_files, value::whole(text, 1..=100_000))
        }),
        show: |file| json!(file.max_open_files),
    },
];

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut file = FileConfig::default();
    given.read(KEYS, &mut file, report);
    if given.has("path") {
        given.refuse("paths", "either `path` or `paths`", report);
    } else if !given.has("paths") {
        given.require("path", PATHS, report);
    }
    for name in ["path", "paths"] {
        if given.find(name).is_some_and(|node| node.is_empty()) {
            given.refuse(name, PATHS, report);
        }
    }
    Some(InputConfig::File(file))
}

pub(super) fn show(file: &FileConfig) -> Map<String, Value> {
    field::show(KEYS, file, &FileConfig::default())
}

impl Start {
    const ALL: [Self; 2] = [Self::Beginning, Self::End];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Beginning => "beginning",
            Self::End => "end",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| name.eq_ignore_ascii_case(start.name()))
    }
}

/// A path or pattern, or what is expected instead.
fn pattern(text: &str) -> Result<String, String> {
    let Some(path) = value::text(text) else { return Err("the path of a file".into()) };
    if path.starts_with('~') {
        return Err("a path without `~`, which only shells know".into());
    }
    let glob = GlobBuilder::new(&path).literal_separator(true).build();
    glob.map(|_| path).map_err(|error| format!("a path or pattern ({})", error.kind()))
}
