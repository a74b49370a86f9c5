//! `limits`: what an instance of a plugin may use, and the table of its keys.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::report::Report;
use super::value::{self, store};
use super::yaml::Node;
use super::{Limits, mapping};
use crate::domain::{ByteSize, PluginKind};

/// One key of `limits`.
#[derive(Debug)]
pub struct LimitKey {
    /// The key as the file spells it.
    pub name: &'static str,
    /// What a value must be, to complete "expected …".
    pub expected: &'static str,
    /// What is limited.
    pub doc: &'static str,
    read: fn(&mut Limits, &str) -> bool,
    show: fn(&Limits) -> Value,
}

impl LimitKey {
    /// The value in `limits` as the file spells it.
    #[must_use]
    pub fn value_text(&self, limits: &Limits) -> String {
        match (self.show)(limits) {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

impl PluginKind {
    pub(super) fn limits(self) -> Limits {
        match self {
            Self::Harvester => Limits::of_harvester(),
            Self::Transform => Limits::of_transform(),
        }
    }
}

const MB: u64 = 1 << 20;
const GB: u64 = 1 << 30;
/// From the little that a small guest needs to all that 32 bits address.
const MEMORY: RangeInclusive<u64> = MB..=4 * GB;
const MEMORY_TEXT: &str = "a size from 1MB to 4GB";
/// An hour is as good as no limit, and a plugin that hangs is still noticed.
const TIME: RangeInclusive<u64> = 1..=3_600_000;
const TIME_TEXT: &str = "a time from 1ms to 3600s, such as 200ms, 1.5s or a number of milliseconds";

/// All keys of `limits` in the order in which they are documented.
#[must_use]
pub fn limit_keys() -> &'static [LimitKey] {
    LIMITS
}

const LIMITS: &[LimitKey] = &[
    LimitKey {
        name: "memory",
        expected: MEMORY_TEXT,
        doc: "All linear memories of an instance together.",
        read: |limits, text| store(&mut limits.memory, value::size(text, MEMORY)),
        show: |limits| size(limits.memory),
    },
    LimitKey {
        name: "recycle_memory",
        expected: MEMORY_TEXT,
        doc: "An instance whose memory has grown past this is replaced between two calls, as memory \
              never shrinks; a harvester is asked to end and goes on in a new instance. At most \
              `memory`; three quarters of it unless set.",
        read: |limits, text| store(&mut limits.recycle_memory, value::size(text, MEMORY)),
        show: |limits| size(limits.recycle_memory),
    },
    LimitKey {
        name: "table_elements",
        expected: "a whole number from 1 to 10000000",
        // They take host memory outside of `memory`, 16 bytes or more each.
        doc: "Elements of all tables together.",
        read: |limits, text| store(&mut limits.table_elements, value::whole(text, 1..=10_000_000)),
        show: |limits| json!(limits.table_elements),
    },
    LimitKey {
        name: "handles",
        expected: "a whole number from 1 to 1000000",
        doc: "Open handles: files, sockets, streams, requests.",
        read: |limits, text| store(&mut limits.handles, value::whole(text, 1..=1_000_000)),
        show: |limits| json!(limits.handles),
    },
    LimitKey {
        name: "cpu_per_call",
        expected: TIME_TEXT,
        doc: "Computing time of one call into a transform, at most `time_per_call`; of a harvester, \
              between two of its calls to loglite.",
        read: |limits, text| store(&mut limits.cpu_per_call, value::duration(text, TIME)),
        show: |limits| value::as_duration(limits.cpu_per_call),
    },
    LimitKey {
        name: "time_per_call",
        expected: TIME_TEXT,
        doc: "Whole time of one call into a transform, waiting included; of a harvester, of one of its \
              calls to loglite that waits for files or the network.",
        read: |limits, text| store(&mut limits.time_per_call, value::duration(text, TIME)),
        show: |limits| value::as_duration(limits.time_per_call),
    },
    LimitKey {
        name: "start_time",
        expected: TIME_TEXT,
        doc: "Whole time from the instantiation to the end of `configure`.",
        read: |limits, text| store(&mut limits.start_time, value::duration(text, TIME)),
        show: |limits| value::as_duration(limits.start_time),
    },
    LimitKey {
        name: "entries_per_call",
        expected: "a whole number from 1 to 1000000",
        doc: "Entries that a call hands over, in either direction.",
        read: |limits, text| store(&mut limits.entries_per_call, value::whole(text, 1..=1_000_000)),
        show: |limits| json!(limits.entries_per_call),
    },
    LimitKey {
        name: "bytes_per_call",
        expected: "a size from 1KB to 1GB",
        doc: "Bytes that a call hands over, in either direction.",
        read: |limits, text| store(&mut limits.bytes_per_call, value::size(text, 1 << 10..=GB)),
        show: |limits| size(limits.bytes_per_call),
    },
    LimitKey {
        name: "log_lines_per_second",
        expected: "a whole number from 0 to 1000000",
        doc: "Lines that it may write to loglite's log per second; 0 keeps it silent.",
        read: |limits, text| {
            store(&mut limits.log_lines_per_second, value::whole(text, 0..=1_000_000))
        },
        show: |limits| json!(limits.log_lines_per_second),
    },
    LimitKey {
        name: "log_bytes_per_second",
        expected: "a size from 0 to 1GB",
        doc: "Bytes that it may write to loglite's log per second; 0 keeps it silent.",
        read: |limits, text| store(&mut limits.log_bytes_per_second, value::size(text, 0..=GB)),
        show: |limits| size(limits.log_bytes_per_second),
    },
];

/// Reads what differs from the defaults of `kind`.
pub(super) fn read(node: &Node, kind: PluginKind, path: &str, report: &mut Report) -> Limits {
    let mut limits = kind.limits();
    let mut is_sound = true;
    let names: Vec<_> = LIMITS.iter().map(|limit| limit.name).collect();
    let fields =
        mapping::fields(node, path, "a mapping of limits, such as `memory: 64MB`", &names, report);
    for (name, node) in &fields {
        let limit = LIMITS.iter().find(|limit| limit.name == *name).expect("one of their names");
        if !node.scalar().is_some_and(|text| (limit.read)(&mut limits, text)) {
            report.mismatch(format!("{path}.{name}"), node, limit.expected);
            is_sound = false;
        }
    }
    let find = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, node)| *node);
    if find("recycle_memory").is_none() {
        limits.recycle_memory = recycle_mark(limits.memory);
    }
    if is_sound {
        check(&limits, kind, path, find, report);
    }
    limits
}

/// What differs from the defaults of `kind`.
pub(super) fn show(limits: &Limits, kind: PluginKind) -> Value {
    let defaults = Limits { recycle_memory: recycle_mark(limits.memory), ..kind.limits() };
    let differing = LIMITS.iter().filter(|limit| (limit.show)(limits) != (limit.show)(&defaults));
    let shown = differing.map(|limit| (limit.name.to_owned(), (limit.show)(limits)));
    Value::Object(shown.collect::<Map<_, _>>())
}

/// Reports limits that another one makes void.
fn check<'n>(
    limits: &Limits,
    kind: PluginKind,
    path: &str,
    find: impl Fn(&str) -> Option<&'n Node>,
    report: &mut Report,
) {
    // A harvester's computing time and its waiting are measured apart.
    if kind == PluginKind::Transform
        && limits.cpu_per_call > limits.time_per_call
        && let Some(node) = find("cpu_per_call")
    {
        let expected = format!("at most `time_per_call`, which is {}", time(limits.time_per_call));
        report.mismatch(format!("{path}.cpu_per_call"), node, &expected);
    }
    if limits.recycle_memory > limits.memory
        && let Some(node) = find("recycle_memory")
    {
        let expected = format!("at most `memory`, which is {}", limits.memory);
        report.mismatch(format!("{path}.recycle_memory"), node, &expected);
    }
}

/// Where an instance is replaced unless the file says otherwise: before it fails for want of memory.
fn recycle_mark(memory: ByteSize) -> ByteSize {
    ByteSize(memory.0 / 4 * 3)
}

fn size(size: ByteSize) -> Value {
    size.to_string().into()
}

fn time(duration: Duration) -> String {
    value::as_duration(duration).as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_replaced_at_the_same_share_of_its_memory_by_default() {
        for limits in [Limits::of_transform(), Limits::of_harvester()] {
            assert_eq!(limits.recycle_memory, recycle_mark(limits.memory));
        }
    }

    #[test]
    fn every_default_is_a_value_that_its_limit_takes() {
        for kind in [PluginKind::Harvester, PluginKind::Transform] {
            for limit in limit_keys() {
                let mut limits = kind.limits();
                assert!(
                    (limit.read)(&mut limits, &limit.value_text(&kind.limits())),
                    "{}",
                    limit.name
                );
                assert_eq!(limits, kind.limits(), "{}", limit.name);
            }
        }
    }
}
