//! What faulty plugins do to their host, whatever kind of plugin they are. The tests prove that it hurts only them.

mod exhaust;
mod flood;
mod reach;
#[cfg(target_family = "wasm")]
mod wasi;

use std::hint::black_box;

use serde::Deserialize;

pub use self::reach::{Reach, WasiRequest};

/// A fault, as `config: {fault: …}` names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Computes for ever.
    Loop,
    /// Calls itself for ever.
    Recursion,
    /// Panics, which ends in a trap.
    Trap,
    /// Allocates until there is no more, 4 GiB at most.
    Memory,
    /// Opens a million handles and keeps them.
    Handles,
    /// Waits on a clock for a day, inside the host.
    Sleep,
    /// Writes to loglite's log for ever.
    LogFlood,
    /// Writes one line of a mebibyte to loglite's log.
    LongLog,
    /// Prints for ever.
    StdoutFlood,
    /// Prints without end of line for ever.
    EndlessLine,
    /// Asks for as many random bytes as fit into its memory, at once.
    Random,
}

impl Fault {
    /// Does it. Some faults come to an end when the host allows them; then the plugin goes on.
    pub fn commit(&self) {
        match self {
            Self::Loop => compute_for_ever(),
            Self::Recursion => {
                black_box(descend(0));
            }
            Self::Trap => panic!("the faulty plugin traps, as configured"),
            Self::Memory => exhaust::memory(),
            Self::Handles => exhaust::handles(),
            Self::Sleep => exhaust::sleep(),
            Self::LogFlood => flood::log(),
            Self::LongLog => flood::long_log(),
            Self::StdoutFlood => flood::lines(),
            Self::EndlessLine => flood::endless_line(),
            Self::Random => exhaust::random(),
        }
    }
}

fn compute_for_ever() {
    let mut round: u64 = 0;
    while black_box(true) {
        round = black_box(round.wrapping_add(1));
    }
}

/// Not a tail call, so that the frames pile up.
fn descend(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        return 0;
    }
    black_box(descend(depth + 1)).wrapping_add(depth)
}
