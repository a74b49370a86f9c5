//! Compressed bodies.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes as gzip.
///
/// # Panics
/// Never: memory can be written to.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

/// The bytes as zstd.
///
/// # Panics
/// Never: memory can be written to.
#[must_use]
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory can be written to")
}

/// A gzip file of almost nothing that becomes `megabytes` of white space.
///
/// # Panics
/// Never: memory can be written to.
#[must_use]
pub fn gzip_bomb(megabytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let megabyte = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        encoder.write_all(&megabyte).expect("memory can be written to");
    }
    encoder.finish().expect("memory can be written to")
}
