//! Saying more than anybody reads.

use std::io::{self, Write};

use loglite_guest::log;

pub(crate) fn log() {
    for line in 0_u64.. {
        log::info!("flood, line {line}");
    }
}

pub(crate) fn long_log() {
    log::write(log::Level::Info, "long ".repeat(1 << 18));
}

pub(crate) fn lines() {
    print(b"flood\n");
}

pub(crate) fn endless_line() {
    print(b"flood ");
}

/// Until the host does not take it any more.
fn print(text: &[u8]) {
    let mut stdout = io::stdout();
    while stdout.write_all(text).and_then(|()| stdout.flush()).is_ok() {}
}
