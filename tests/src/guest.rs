//! The components that `guests/build` has made.

use std::path::{Path, PathBuf};

/// The component of a guest, such as `redact`.
///
/// # Panics
/// When it is not built; the message says how to.
#[must_use]
pub fn guest(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a parent");
    let path = root.join("guests/dist").join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "there is no component of the guest `{name}`; build it with `guests/build {name}`"
    );
    path
}
