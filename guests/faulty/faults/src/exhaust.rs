//! Taking more than there is.

use std::hint::black_box;
use std::time::Duration;

const MEBIBYTE: usize = 1 << 20;

/// As much as a 32-bit memory holds; the allocator aborts when it gets no more.
pub(crate) fn memory() {
    let mut taken = Vec::new();
    for byte in 0..4096_usize {
        taken.push(vec![u8::try_from(byte % 251).unwrap_or(0); MEBIBYTE]);
        black_box(&taken);
    }
}

#[expect(clippy::disallowed_methods, reason = "blocking inside the host is the fault")]
pub(crate) fn sleep() {
    std::thread::sleep(Duration::from_secs(24 * 60 * 60));
}

pub(crate) fn handles() {
    #[cfg(target_family = "wasm")]
    crate::wasi::open_handles(1_000_000);
}

pub(crate) fn random() {
    #[cfg(target_family = "wasm")]
    crate::wasi::ask_for_random_bytes(1 << 30);
}
