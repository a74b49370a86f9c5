//! Where the binary under test is.

use std::path::PathBuf;

/// The `loglite` binary: `LOGLITE_BIN`, or the one that was built beside this test.
///
/// # Panics
/// When there is none; the message says how to build it.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("LOGLITE_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a running test knows its own path");
    // A test lies in `target/<profile>/deps`, the binary one directory above.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("loglite"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!(
                "there is no `loglite` beside {}; build it with `cargo build -p loglite`, or set LOGLITE_BIN",
                own.display()
            )
        })
}
