//! The disk that a file is on.

use std::path::Path;

/// What is free on the disk that holds this file or directory, in bytes. None when the system does not tell.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
