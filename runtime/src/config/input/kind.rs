//! The types of harvesters that are no plugins: their names, and which keys each has.

use super::super::key::nearest;
use super::super::{InputConfig, LineFormat, Restart};
use super::field::Field;
use super::{docker, exec, file, journald, line, socket, syslog, zmq};

/// A type of harvesters that are no plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Files that grow.
    File,
    /// ZeroMQ sockets.
    Zmq,
    /// A TCP or Unix socket.
    Socket,
    /// Syslog.
    Syslog,
    /// The journal of systemd.
    Journald,
    /// Standard input.
    Stdin,
    /// The output of a command.
    Exec,
    /// Logs of containers.
    Docker,
}

/// One key of a harvester's `config`, for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputKey {
    /// The key as the file spells it.
    pub name: &'static str,
    /// The default as a file would spell it; `required` or `none` where there is no such text.
    pub default: &'static str,
    /// What the key does.
    pub doc: &'static str,
}

/// What the `type` of a harvester comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A component.
    Wasm,
    /// A type of ours.
    Native(InputKind),
    /// None; what was expected instead.
    Unknown(String),
}

/// Where the earlier generations had their harvesters.
const OLDER_CLASSES: [(&str, InputKind); 3] = [
    ("FileHarvester", InputKind::File),
    ("ZMQHarvester", InputKind::Zmq),
    ("SocketHarvester", InputKind::Socket),
];

/// The keys of [`LineConfig`](super::super::LineConfig), for all types together.
pub fn line_keys() -> impl Iterator<Item = InputKey> {
    line::KEYS.iter().map(InputKey::from)
}

/// What a `type` means.
pub(super) fn named(text: &str) -> Named {
    if text == "wasm" {
        return Named::Wasm;
    }
    let class = text.strip_prefix("loglite.harvesters.").and_then(|class| class.rsplit('.').next());
    let older = OLDER_CLASSES.into_iter().find(|(name, _)| Some(*name) == class);
    let native =
        InputKind::ALL.into_iter().find(|kind| kind.name() == text || kind.alias() == text);
    match native.or(older.map(|(_, kind)| kind)) {
        Some(kind) => Named::Native(kind),
        None => Named::Unknown(known_types(text)),
    }
}

fn known_types(text: &str) -> String {
    let names = InputKind::ALL.map(InputKind::name).into_iter().chain(["wasm"]);
    let known: Vec<_> = names.clone().map(|name| format!("`{name}`")).collect();
    let known = known.join(", ");
    let is_class = text.contains('.') && !text.contains(char::is_whitespace);
    if is_class {
        return format!(
            "one of {known}; a class in Python can't run here: write it as a plugin (`type: wasm`), \
             run it with `type: exec`, or let it send its entries to POST /logs"
        );
    }
    let class = text.to_ascii_lowercase();
    let word = class.strip_suffix("harvester").unwrap_or(&class);
    match nearest(word, names, word.chars().count() / 3 + 1) {
        Some(nearest) => format!("one of {known} (did you mean `{nearest}`?)"),
        None => format!("one of {known}"),
    }
}

impl InputKind {
    /// All types in the order in which they are documented.
    pub const ALL: [Self; 8] = [
        Self::File,
        Self::Socket,
        Self::Syslog,
        Self::Zmq,
        Self::Journald,
        Self::Docker,
        Self::Exec,
        Self::Stdin,
    ];

    /// The `type` that names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Zmq => "zmq",
            Self::Socket => "socket",
            Self::Syslog => "syslog",
            Self::Journald => "journald",
            Self::Stdin => "stdin",
            Self::Exec => "exec",
            Self::Docker => "docker",
        }
    }

    /// The keys of its own.
    pub fn keys(self) -> impl Iterator<Item = InputKey> {
        match self {
            Self::File => keys_of(file::KEYS),
            Self::Zmq => keys_of(zmq::KEYS),
            Self::Socket => keys_of(socket::KEYS),
            Self::Syslog => keys_of(syslog::KEYS),
            Self::Journald => keys_of(journald::KEYS),
            Self::Stdin => Vec::new(),
            Self::Exec => keys_of(exec::KEYS),
            Self::Docker => keys_of(docker::KEYS),
        }
        .into_iter()
    }

    /// The keys of its own among those for lines.
    pub fn line_keys(self) -> impl Iterator<Item = InputKey> {
        line_keys().filter(move |key| self.takes(key.name))
    }

    /// Whether it starts again once it has ended, where a file doesn't say.
    #[must_use]
    pub fn restart(self) -> Restart {
        match self {
            // It can't be read a second time.
            Self::Stdin => Restart::Never,
            _ => Restart::Always,
        }
    }

    /// How fields stand in its lines, where a file doesn't say.
    #[must_use]
    pub fn format(self) -> LineFormat {
        match self {
            Self::Syslog => LineFormat::Syslog,
            Self::Docker => LineFormat::Text,
            _ => LineFormat::Json,
        }
    }

    pub(super) fn of(input: &InputConfig) -> Self {
        match input {
            InputConfig::File(_) => Self::File,
            InputConfig::Zmq(_) => Self::Zmq,
            InputConfig::Socket(_) => Self::Socket,
            InputConfig::Syslog(_) => Self::Syslog,
            InputConfig::Journald(_) => Self::Journald,
            InputConfig::Stdin => Self::Stdin,
            InputConfig::Exec(_) => Self::Exec,
            InputConfig::Docker(_) => Self::Docker,
        }
    }

    fn alias(self) -> &'static str {
        if self == Self::Zmq { "zeromq" } else { self.name() }
    }

    /// Whether a key for lines makes sense for it.
    fn takes(self, line_key: &str) -> bool {
        match line_key {
            // These two say themselves what is a field.
            "format" | "pattern" => !matches!(self, Self::Syslog | Self::Journald),
            // Messages have ends of their own.
            "multiline" => !matches!(self, Self::Syslog | Self::Journald | Self::Zmq),
            _ => true,
        }
    }
}

fn keys_of<T>(keys: &[Field<T>]) -> Vec<InputKey> {
    keys.iter().map(InputKey::from).collect()
}

impl<T> From<&Field<T>> for InputKey {
    fn from(field: &Field<T>) -> Self {
        Self { name: field.name, default: field.default, doc: field.doc }
    }
}
