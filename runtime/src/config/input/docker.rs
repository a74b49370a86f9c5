//! `type: docker`: logs of containers.

use globset::Glob;
use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::{DockerConfig, InputConfig, Start};
use super::field::{self, Field, Given, NONE, Read};
use super::file;
use super::line::COLUMN;

impl Default for DockerConfig {
    fn default() -> Self {
        Self {
            socket: "/var/run/docker.sock".into(),
            include: Vec::new(),
            exclude: Vec::new(),
            start: Start::End,
            image_column: None,
            stream_column: None,
        }
    }
}

pub(super) const KEYS: &[Field<DockerConfig>] = &[
    Field {
        name: "socket",
        expected: "the path of a Unix socket",
        default: "/var/run/docker.sock",
        doc: "The engine's Unix socket.",
        read: Read::Scalar(|docker, text| {
            store(&mut docker.socket, value::text(text).map(Into::into))
        }),
        show: |docker| json!(docker.socket),
    },
    Field {
        name: "include",
        expected: "a list of patterns",
        default: "[]",
        doc: "Names or images of containers, in which `*` stands for any number of characters; all \
              containers if the list is empty.",
        read: Read::Nested(|docker, node, path, report| {
            docker.include = value::each(node, path, report, pattern);
        }),
        show: |docker| json!(docker.include),
    },
    Field {
        name: "exclude",
        expected: "a list of patterns",
        default: "[]",
        doc: "Names or images, as above, of containers that are left out.",
        read: Read::Nested(|docker, node, path, report| {
            docker.exclude = value::each(node, path, report, pattern);
        }),
        show: |docker| json!(docker.exclude),
    },
    Field {
        name: "start",
        expected: file::START,
        default: "end",
        doc: "Where containers begin that are there already when the harvester first starts: at the \
              `beginning` of their logs or at the `end`. Those that come later are read from their \
              beginning.",
        read: Read::Scalar(|docker, text| store(&mut docker.start, Start::from_name(text))),
        show: |docker| json!(docker.start.name()),
    },
    Field {
        name: "image_column",
        expected: COLUMN,
        default: NONE,
        doc: "The column that gets the image of the container.",
        read: Read::Scalar(|docker, text| {
            store(&mut docker.image_column, value::text(text).map(Some))
        }),
        show: |docker| json!(docker.image_column),
    },
    Field {
        name: "stream_column",
        expected: COLUMN,
        default: NONE,
        doc: "The column that gets `stdout` or `stderr`, whichever the line was written to.",
        read: Read::Scalar(|docker, text| {
            store(&mut docker.stream_column, value::text(text).map(Some))
        }),
        show: |docker| json!(docker.stream_column),
    },
];

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut docker = DockerConfig::default();
    given.read(KEYS, &mut docker, report);
    Some(InputConfig::Docker(docker))
}

pub(super) fn show(docker: &DockerConfig) -> Map<String, Value> {
    field::show(KEYS, docker, &DockerConfig::default())
}

fn pattern(text: &str) -> Result<String, String> {
    let expected = || "the name or image of a container, or a pattern of them".to_owned();
    let pattern = value::text(text).ok_or_else(expected)?;
    Glob::new(&pattern).map_err(|error| format!("a pattern that can be used: {}", error.kind()))?;
    Ok(pattern)
}
