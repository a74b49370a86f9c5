//! What native harvesters are configured with, once it is read: where entries come from, and what a line of theirs is.

use std::fmt;
// An address alone: `core` has no sockets.
use core::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value};

use super::Restart;
use crate::domain::ByteSize;

/// A source that loglite reads by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeHarvesterConfig {
    /// What it is called in logs and metrics: the source of its entries.
    pub name: String,
    /// Where entries come from.
    pub input: InputConfig,
    /// What becomes of a line.
    pub line: LineConfig,
    /// Whether it is started again once it has ended.
    pub restart: Restart,
}

/// Where entries come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InputConfig {
    /// Files that grow.
    File(FileConfig),
    /// ZeroMQ sockets.
    Zmq(ZmqConfig),
    /// A TCP or Unix socket that peers connect to.
    Socket(SocketConfig),
    /// Syslog over UDP, TCP or Unix sockets.
    Syslog(SyslogConfig),
    /// The journal of systemd.
    Journald(JournaldConfig),
    /// Standard input.
    Stdin,
    /// The output of a command.
    Exec(ExecConfig),
    /// Logs of containers.
    Docker(DockerConfig),
}

/// What becomes of a line, or of a message, on its way to being an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct LineConfig {
    /// How its fields stand in it.
    pub format: LineFormat,
    /// The field of a line that is nothing but text.
    pub message_field: String,
    /// Which lines belong together; none when each is an entry.
    pub multiline: Option<MultilineConfig>,
    /// What every entry gets that lacks it.
    pub fields: Map<String, Value>,
    /// The field that holds the time; none when entries have it as the table wants it.
    pub timestamp: Option<TimestampConfig>,
    /// Fields and the columns that they go to, where these have other names.
    pub columns: Vec<(String, String)>,
    /// The column that gets where within the source an entry is from: a file's path, a peer's address, a container's
    /// name, a topic.
    pub origin_column: Option<String>,
    /// Longer lines become dead letters.
    pub max_line_size: ByteSize,
}

/// How fields stand in a line.
#[derive(Debug, Clone, PartialEq)]
pub enum LineFormat {
    /// A JSON object.
    Json,
    /// Nothing: all of it is the message.
    Text,
    /// The named groups of an expression.
    Regex(Pattern),
    /// `key=value key="a value"`.
    Logfmt,
    /// A syslog message, RFC 5424 or RFC 3164.
    Syslog,
}

/// A regular expression; equal when its text is.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

/// Lines that belong together, such as a stack trace.
#[derive(Debug, Clone, PartialEq)]
pub struct MultilineConfig {
    /// What the first line of an entry matches.
    pub start: Pattern,
    /// How long the last line waits for one that goes on.
    pub timeout: Duration,
}

/// Where the time of an entry stands, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampConfig {
    /// The field.
    pub field: String,
    /// How it is written.
    pub format: TimestampFormat,
    /// What times without an offset mean: `UTC`, `local` or a name such as `Europe/Berlin`.
    pub timezone: String,
}

/// How a time is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimestampFormat {
    /// ISO 8601 or RFC 3339.
    Iso8601,
    /// As in mails: `Wed, 25 Nov 2026 03:47:32 +0000`.
    Rfc2822,
    /// Seconds since 1970, with or without a fraction.
    Unix,
    /// Milliseconds since 1970.
    UnixMillis,
    /// Microseconds since 1970.
    UnixMicros,
    /// Nanoseconds since 1970.
    UnixNanos,
    /// Conversions as of strptime: `%d/%b/%Y:%H:%M:%S %z`.
    Pattern(String),
}

/// Files that grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// Paths, and patterns with `*`, `?`, `[…]` and `**`.
    pub paths: Vec<String>,
    /// Patterns of paths that are left out.
    pub exclude: Vec<String>,
    /// Where a file begins that was never seen; none: at its end if it is there when the harvester first starts, else
    /// at its beginning.
    pub start: Option<Start>,
    /// How often all files are looked at, besides when the system tells of a change.
    pub poll_interval: Duration,
    /// Whether files that end in `.gz` are read, once and whole.
    pub gzip: bool,
    /// How many files are held open at most.
    pub max_open_files: usize,
}

/// Where what was never seen begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With all that is there.
    Beginning,
    /// With what comes from now on.
    End,
}

/// ZeroMQ sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZmqConfig {
    /// Such as `tcp://127.0.0.1:5555` and `ipc:///run/app.sock`.
    pub endpoints: Vec<String>,
    /// Of which kind.
    pub socket_type: ZmqSocketType,
    /// Whether peers connect to it; else it connects to them.
    pub bind: bool,
    /// Beginnings of the topics that are subscribed to; all if there are none.
    pub topics: Vec<String>,
}

/// Kinds of ZeroMQ sockets that receive only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZmqSocketType {
    /// The counterpart of PUSH: each message goes to one receiver.
    Pull,
    /// The counterpart of PUB: each receiver gets what it subscribes to.
    Sub,
}

/// A socket that peers connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketConfig {
    /// Where it listens.
    pub listen: Listen,
    /// How messages are told apart.
    pub framing: Framing,
    /// Connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// A connection that is silent for this long is closed; never if it is zero.
    pub idle_timeout: Duration,
    /// TLS; none: in the clear.
    pub tls: Option<TlsConfig>,
}

/// Where a stream socket listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp {
        /// A name or an address of this machine.
        host: String,
        /// 0 picks a free one.
        port: u16,
    },
    /// A Unix socket.
    Unix(UnixPath),
}

/// A socket in the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixPath {
    /// Its path. What another process has left there is replaced.
    pub path: PathBuf,
    /// Its permission bits; none: as the umask has it.
    pub mode: Option<u32>,
}

/// How messages of a stream are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By line feeds.
    Newline,
    /// By their length in front, RFC 6587: `11 hello world`.
    OctetCounted,
    /// By their length where a message begins with a digit, else by line feeds.
    Auto,
}

/// What a server shows and asks of its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Authorities, PEM, by one of which clients' certificates must be signed; none: clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// Syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogConfig {
    /// Datagrams: those that arrive while there is no room are lost.
    Udp {
        /// An address of this machine.
        address: IpAddr,
        /// 0 picks a free one.
        port: u16,
        /// The system's buffer for what is not yet received; zero: the system's default.
        receive_buffer: ByteSize,
    },
    /// Datagrams of this machine: senders wait while there is no room.
    UnixDatagram(UnixPath),
    /// TCP, TLS and Unix streams.
    Stream(SocketConfig),
}

/// The journal of systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaldConfig {
    /// The `journalctl` to run.
    pub program: PathBuf,
    /// Only these units; all if there are none.
    pub units: Vec<String>,
    /// What else journalctl should match, such as `_TRANSPORT=kernel`.
    pub matches: Vec<String>,
    /// Where the first start begins.
    pub start: Start,
}

/// A command whose output is harvested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecConfig {
    /// The program and its arguments; there is at least the program.
    pub command: Vec<String>,
    /// Where it runs; none: where loglite does.
    pub directory: Option<PathBuf>,
    /// Variables it gets besides loglite's own.
    pub environment: Vec<(String, String)>,
    /// Whether what it writes to standard error is harvested, too; else it goes to loglite's log.
    pub stderr: bool,
}

/// Logs of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// The engine's socket.
    pub socket: PathBuf,
    /// Patterns of names or images, with `*`; all containers if there are none.
    pub include: Vec<String>,
    /// Patterns of names or images of containers that are left out.
    pub exclude: Vec<String>,
    /// Where containers begin that are there already when the harvester first starts.
    pub start: Start,
    /// The column that gets a container's image; none: nobody asks for it.
    pub image_column: Option<String>,
    /// The column that gets `stdout` or `stderr`; none: nobody asks for it.
    pub stream_column: Option<String>,
}

impl InputConfig {
    /// The `type` that names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Zmq(_) => "zmq",
            Self::Socket(_) => "socket",
            Self::Syslog(_) => "syslog",
            Self::Journald(_) => "journald",
            Self::Stdin => "stdin",
            Self::Exec(_) => "exec",
            Self::Docker(_) => "docker",
        }
    }
}

impl Default for LineConfig {
    fn default() -> Self {
        Self {
            format: LineFormat::Json,
            message_field: "message".into(),
            multiline: None,
            fields: Map::new(),
            timestamp: None,
            columns: Vec::new(),
            origin_column: None,
            max_line_size: ByteSize(1 << 20),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}
