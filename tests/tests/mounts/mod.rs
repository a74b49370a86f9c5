//! File systems in trouble: small ones, and files and directories that can't be written, for as long as a value
//! lives. It takes root; without it, file modes do for the second.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something mounted, until dropped.
#[derive(Debug)]
pub(crate) struct Mount {
    target: PathBuf,
}

/// Something that can't be written, until dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped")]
pub(crate) enum ReadOnly {
    Mounted(Mount),
    Mode(Mode),
}

/// A file mode that is put back when dropped.
#[derive(Debug)]
pub(crate) struct Mode {
    path: PathBuf,
    before: Permissions,
}

impl Mount {
    /// Mounts a file system in memory of this many bytes. The directory is made.
    ///
    /// Errors: why it can't be mounted, mostly for want of permission.
    pub(crate) fn small(target: &Path, bytes: u64) -> Result<Self, String> {
        fs::create_dir_all(target).map_err(|error| error.to_string())?;
        let size = format!("size={bytes}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(target))?;
        Ok(Self { target: target.to_owned() })
    }

    /// Lays a file or directory over another one, or over itself, without the right to write.
    ///
    /// Errors: why it can't be mounted, mostly for want of permission.
    pub(crate) fn read_only(source: &Path, target: &Path) -> Result<Self, String> {
        run(Command::new("mount").arg("--bind").args([source, target]))?;
        let mount = Self { target: target.to_owned() };
        run(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(target))?;
        Ok(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, as what was started on it may still be about to end.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.target)) {
            assert!(std::thread::panicking(), "{} stays mounted: {error}", self.target.display());
        }
    }
}

impl ReadOnly {
    /// Takes away the right to write a file or a directory.
    ///
    /// Errors: why neither a mount nor the mode does it.
    pub(crate) fn make(path: &Path) -> Result<Self, String> {
        match Mount::read_only(path, path) {
            Ok(mount) => Ok(Self::Mounted(mount)),
            Err(reason) => {
                let mode = Mode::take_away(path);
                // Root may write whatever the mode says.
                if is_writable(path) { Err(reason) } else { Ok(Self::Mode(mode)) }
            }
        }
    }
}

impl Mode {
    fn take_away(path: &Path) -> Self {
        let before = fs::metadata(path).expect("it is there").permissions();
        let without = Permissions::from_mode(before.mode() & !0o222);
        fs::set_permissions(path, without).expect("the test owns it");
        Self { path: path.to_owned(), before }
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        fs::set_permissions(&self.path, self.before.clone()).expect("the test owns it");
    }
}

fn is_writable(path: &Path) -> bool {
    if path.is_dir() {
        return tempfile::tempfile_in(path).is_ok();
    }
    OpenOptions::new().append(true).open(path).is_ok()
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
