//! Python environments with a package from its index, kept under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of an environment that has what pip calls `requirement`, such as `pyzmq==27.1.0`. It is installed unless it is
/// there. None, and a line on standard error, where there is no python3 with venv and pip.
///
/// # Panics
/// When the package can't be installed.
#[must_use]
#[expect(clippy::print_stderr, reason = "whoever runs the tests must learn that one did nothing")]
pub fn python_with(requirement: &str) -> Option<PathBuf> {
    let probe = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: it needs python3 with venv and pip (Debian: python3-venv)");
        return None;
    }
    let environments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python");
    fs::create_dir_all(&environments).expect("the target directory is writable");
    let venv = environments.join(requirement.replace(|c: char| !c.is_alphanumeric(), "_"));
    // Tests in other threads and processes want the same; the lock ends with the file.
    let lock = File::create(venv.with_extension("lock")).expect("a lock file");
    lock.lock().expect("a lock can be waited for");
    let (python, installed) = (venv.join("bin/python"), venv.join("installed"));
    if !(python.exists() && installed.exists()) {
        if venv.exists() {
            fs::remove_dir_all(&venv).expect("half an environment can be removed");
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(install).args(["--timeout", "30", requirement]));
        fs::write(installed, requirement).expect("the target directory is writable");
    }
    Some(python)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed; it needs pip's package index\n{text}");
}
