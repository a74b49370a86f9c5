//! `type: journald`: the journal of systemd.

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::{InputConfig, JournaldConfig, Start};
use super::field::{self, Field, Given, Read};
use super::file;

const MATCH: &str = "a match such as `_TRANSPORT=kernel`, or `+` between alternatives";

impl Default for JournaldConfig {
    fn default() -> Self {
        Self {
            program: "journalctl".into(),
            units: Vec::new(),
            matches: Vec::new(),
            start: Start::End,
        }
    }
}

pub(super) const KEYS: &[Field<JournaldConfig>] = &[
    Field {
        name: "program",
        expected: "the path or name of a program",
        default: "journalctl",
        doc: "The `journalctl` to run.",
        read: Read::Scalar(|journald, text| {
            store(&mut journald.program, value::text(text).map(Into::into))
        }),
        show: |journald| json!(journald.program),
    },
    Field {
        name: "units",
        expected: "a list of units",
        default: "[]",
        doc: "Only what these units log, such as `[nginx.service]`; all of them if the list is empty.",
        read: Read::Nested(|journald, node, path, report| {
            let unit = |text: &str| value::text(text).ok_or_else(|| "the name of a unit".into());
            journald.units = value::each(node, path, report, unit);
        }),
        show: |journald| json!(journald.units),
    },
    Field {
        name: "matches",
        expected: "a list of matches",
        default: "[]",
        doc: "Only what matches, as journalctl has it, such as `[_TRANSPORT=kernel]`.",
        read: Read::Nested(|journald, node, path, report| {
            journald.matches = value::each(node, path, report, journal_match);
        }),
        show: |journald| json!(journald.matches),
    },
    Field {
        name: "start",
        expected: file::START,
        default: "end",
        doc: "Where the first start begins: at the `beginning` of the journal or at its `end`.",
        read: Read::Scalar(|journald, text| store(&mut journald.start, Start::from_name(text))),
        show: |journald| json!(journald.start.name()),
    },
];

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut journald = JournaldConfig::default();
    given.read(KEYS, &mut journald, report);
    Some(InputConfig::Journald(journald))
}

pub(super) fn show(journald: &JournaldConfig) -> Map<String, Value> {
    field::show(KEYS, journald, &JournaldConfig::default())
}

fn journal_match(text: &str) -> Result<String, String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let is_match = text == "+" || text.split_once('=').is_some_and(|(name, _)| is_name(name));
    is_match.then(|| text.to_owned()).ok_or_else(|| MATCH.into())
}
