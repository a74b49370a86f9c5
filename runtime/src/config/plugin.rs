//! What the configuration says of a plugin: its component, what it may reach, and what it may use.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::ByteSize;

/// A WebAssembly component and the bounds it runs in.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginConfig {
    /// What it is called in logs and metrics. A harvester's is also the source of its entries and checkpoint.
    pub name: String,
    /// The component's file; a relative path begins where loglite was started.
    pub component: PathBuf,
    /// The plugin's own configuration, as an object.
    pub config: serde_json::Value,
    /// What it may reach.
    pub grant: Grants,
    /// What it may use.
    pub limits: Limits,
}

/// A plugin between sources and the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformConfig {
    /// The component.
    pub plugin: PluginConfig,
    /// The sources whose entries it sees: `http` and harvesters' names; `*` stands for any number of characters.
    pub sources: Vec<String>,
    /// What happens to entries that it fails on.
    pub on_failure: OnFailure,
}

/// A plugin that brings entries in.
#[derive(Debug, Clone, PartialEq)]
pub struct WasmHarvesterConfig {
    /// The component.
    pub plugin: PluginConfig,
    /// Whether it is started again once it has ended.
    pub restart: Restart,
}

/// What happens to entries that a transform fails on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// They become dead letters.
    #[default]
    DeadLetter,
    /// They are dropped and counted.
    Drop,
    /// They go on as if the transform had kept them.
    Pass,
    /// Their source waits until the transform works again.
    Block,
}

/// Whether a harvester is started again once it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Whenever it ends.
    #[default]
    Always,
    /// Unless it returned without an error.
    OnFailure,
    /// Not at all.
    Never,
}

/// What a plugin may reach beyond clocks and random numbers: nothing, unless it is named here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Authorities (`host` or `host:port`) that it may send HTTP requests to. Without a port: 443 and, for plain
    /// HTTP, 80. Hosts are in lower case here, addresses in their shortest form, IPv6 ones in brackets.
    pub http: Vec<String>,
    /// Names of environment variables that it sees.
    pub env: Vec<String>,
    /// Directories that it sees.
    pub dirs: Vec<DirGrant>,
    /// `host:port` that it may connect to by TCP, spelled as those of `http`. Private and loopback addresses only where the host is an address,
    /// or `localhost`.
    pub tcp: Vec<String>,
}

/// A directory that a plugin sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    /// The directory on this machine.
    pub host: PathBuf,
    /// The path under which the plugin finds it: absolute, without `.` and `..`, without a slash at its end.
    pub guest: String,
    /// What it may do there.
    pub access: Access,
}

/// What a plugin may do in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Read.
    #[default]
    Read,
    /// Read, create, change and delete.
    ReadWrite,
}

/// What an instance of a plugin may use. More ends the call or the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories together.
    pub memory: ByteSize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Open handles: files, sockets, streams, requests.
    pub handles: usize,
    /// Computing time of one call into a transform; of a harvester, between two of its calls to loglite.
    pub cpu_per_call: Duration,
    /// Whole time of one call into a transform, waiting included; of a harvester, of one of its calls to loglite
    /// that waits for something outside (files, network).
    pub time_per_call: Duration,
    /// Whole time from the instantiation to the end of `configure`.
    pub start_time: Duration,
    /// Entries that a call hands over, in either direction.
    pub entries_per_call: usize,
    /// Bytes that a call hands over, in either direction.
    pub bytes_per_call: ByteSize,
    /// Lines that it may write to loglite's log per second.
    pub log_lines_per_second: u32,
    /// Bytes that it may write to loglite's log per second.
    pub log_bytes_per_second: ByteSize,
    /// An instance whose memory has grown past this is replaced between two calls. At most `memory`; three quarters
    /// of it where a file doesn't say.
    pub recycle_memory: ByteSize,
}

impl OnFailure {
    const ALL: [Self; 4] = [Self::DeadLetter, Self::Drop, Self::Pass, Self::Block];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DeadLetter => "dead_letter",
            Self::Drop => "drop",
            Self::Pass => "pass",
            Self::Block => "block",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| name.eq_ignore_ascii_case(way.name()))
    }
}

impl Restart {
    const ALL: [Self; 3] = [Self::Always, Self::OnFailure, Self::Never];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::OnFailure => "on_failure",
            Self::Never => "never",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| name.eq_ignore_ascii_case(policy.name()))
    }
}

impl Access {
    const ALL: [Self; 2] = [Self::Read, Self::ReadWrite];

    /// The name by which the configuration calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadWrite => "read-write",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| name.eq_ignore_ascii_case(access.name()))
    }
}

impl Limits {
    /// The defaults of a transform: requests wait for it.
    #[must_use]
    pub fn of_transform() -> Self {
        Self {
            memory: ByteSize(64 << 20),
            table_elements: 100_000,
            handles: 1_000,
            cpu_per_call: Duration::from_millis(200),
            time_per_call: Duration::from_millis(300),
            start_time: Duration::from_secs(10),
            entries_per_call: 10_000,
            bytes_per_call: ByteSize(4 << 20),
            log_lines_per_second: 100,
            log_bytes_per_second: ByteSize(64 << 10),
            recycle_memory: ByteSize(48 << 20),
        }
    }

    /// The defaults of a harvester: nobody waits for it.
    #[must_use]
    pub fn of_harvester() -> Self {
        Self {
            cpu_per_call: Duration::from_secs(1),
            time_per_call: Duration::from_secs(30),
            ..Self::of_transform()
        }
    }
}
