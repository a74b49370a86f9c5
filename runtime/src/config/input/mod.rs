//! `config` of the harvesters that are no plugins: the keys of each type.
//!
//! A type's file holds the table of its keys; reading, showing and the README's tables follow it.

mod docker;
mod exec;
mod expression;
mod field;
mod file;
pub(super) mod harvester;
mod journald;
mod kind;
mod line;
mod listen;
mod listener;
mod multiline;
mod socket;
mod syslog;
mod timestamp;
mod tls;
mod zmq;

pub use kind::{InputKey, InputKind, line_keys};

use serde_json::{Map, Value};

use super::problem::Position;
use super::report::Report;
use super::yaml::Node;
use super::{InputConfig, LineConfig, NativeHarvesterConfig};
use field::Given;

/// Reads the `config` at `path` of a harvester of this type; `at` is the harvester's place.
///
/// Where something is wrong, which is reported, the value stands in for what can't be read.
pub(super) fn read(
    kind: InputKind,
    node: Option<&Node>,
    place: (Position, String),
    report: &mut Report,
) -> (InputConfig, LineConfig) {
    let keys = kind.keys().map(|key| key.name).chain(kind.line_keys().map(|key| key.name));
    let known: Vec<_> = keys.collect();
    let given = Given::new(node, place, &known, report);
    let input = match kind {
        InputKind::File => file::read(&given, report),
        InputKind::Zmq => zmq::read(&given, report),
        InputKind::Socket => socket::read(&given, report),
        InputKind::Syslog => syslog::read(&given, report),
        InputKind::Journald => journald::read(&given, report),
        InputKind::Stdin => Some(InputConfig::Stdin),
        InputKind::Exec => exec::read(&given, report),
        InputKind::Docker => docker::read(&given, report),
    };
    (input.unwrap_or(InputConfig::Stdin), line::read(kind, &given, report))
}

/// The `config` of a harvester, without what is as the defaults have it.
pub(super) fn show(harvester: &NativeHarvesterConfig) -> Map<String, Value> {
    let mut shown = match &harvester.input {
        InputConfig::File(file) => file::show(file),
        InputConfig::Zmq(zmq) => zmq::show(zmq),
        InputConfig::Socket(socket) => socket::show(socket),
        InputConfig::Syslog(syslog) => syslog::show(syslog),
        InputConfig::Journald(journald) => journald::show(journald),
        InputConfig::Stdin => Map::new(),
        InputConfig::Exec(exec) => exec::show(exec),
        InputConfig::Docker(docker) => docker::show(docker),
    };
    shown.extend(line::show(InputKind::of(&harvester.input), &harvester.line));
    shown
}

/// `config` as shown to clients: of the environment the names only, as the values may be secrets.
pub(super) fn hide_secrets(config: &mut Map<String, Value>) {
    let variables = config.get_mut("environment").and_then(Value::as_object_mut);
    for value in variables.into_iter().flat_map(Map::values_mut) {
        *value = "…".into();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DockerConfig, ExecConfig, FileConfig, JournaldConfig, ZmqConfig};
    use super::field::assert_defaults;
    use super::*;

    #[test]
    fn documented_defaults_are_what_nothing_given_comes_to() {
        assert_defaults(file::KEYS, &FileConfig::default());
        assert_defaults(zmq::KEYS, &ZmqConfig::default());
        assert_defaults(socket::KEYS, &socket::defaults());
        assert_defaults(syslog::KEYS, &syslog::defaults());
        assert_defaults(journald::KEYS, &JournaldConfig::default());
        assert_defaults(exec::KEYS, &ExecConfig::default());
        assert_defaults(docker::KEYS, &DockerConfig::default());
        assert_defaults(line::KEYS, &line::Lines::new(InputKind::File));
    }
}
