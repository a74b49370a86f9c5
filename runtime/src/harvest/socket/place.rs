//! The path of a Unix socket: taken over from one that nobody listens on any more, given its permissions before
//! anybody can connect, and freed at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{UnixDatagram, UnixListener, UnixStream};
use tokio::time::timeout;
use tracing::warn;

use crate::config::UnixPath;
use crate::harvest::Failure;

/// How long one who listens may take to take a connection.
const ANSWER: Duration = Duration::from_secs(1);

/// A path that is ours. Dropping it removes the socket there, unless another one has replaced it.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Opens a socket for streams at this path.
///
/// # Errors
/// When the path can't be used; the message names it.
pub(super) async fn listen(at: &UnixPath) -> Result<(UnixListener, Place), Failure> {
    let answers = async { UnixStream::connect(&at.path).await.map(drop) };
    take(at, answers, |path| UnixListener::bind(path)).await
}

/// Opens a socket for datagrams at this path.
///
/// # Errors
/// When the path can't be used; the message names it.
pub(super) async fn receive(at: &UnixPath) -> Result<(UnixDatagram, Place), Failure> {
    let answers = async { UnixDatagram::unbound()?.connect(&at.path) };
    take(at, answers, |path| UnixDatagram::bind(path)).await
}

async fn take<S>(
    at: &UnixPath,
    answers: impl Future<Output = io::Result<()>>,
    bind: impl FnOnce(&Path) -> io::Result<S>,
) -> Result<(S, Place), Failure> {
    let refuse = |reason: String| {
        Failure::Passing(format!("cannot listen on {}: {reason}", at.path.display()))
    };
    let directory = directory_of(&at.path).map_err(refuse)?;
    check_free(&at.path, answers).await.map_err(refuse)?;
    place(at, directory, bind).map_err(|error| refuse(reason_of(&error)))
}

/// Whether it may be replaced: nothing is there, or a socket on which nobody listens.
async fn check_free(
    path: &Path,
    answers: impl Future<Output = io::Result<()>>,
) -> Result<(), String> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if !found.file_type().is_socket() {
        return Err("something is there that is no socket; remove it, or set another path".into());
    }
    match timeout(ANSWER, answers).await {
        Ok(Err(error)) if is_nobody(&error) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(format!("cannot tell whether the socket there is in use ({error}); remove it"))
        }
        _ => Err("another program listens there; stop it, or set another path".into()),
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

fn directory_of(path: &Path) -> Result<&Path, String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    if directory.is_dir() {
        return Ok(directory);
    }
    Err(format!("there is no directory {}; make it, or set another path", directory.display()))
}

/// The umask is the whole process's; so the socket is made where nobody else can reach it, and moved when it has its
/// permissions. Moving replaces what is there.
fn place<S>(
    at: &UnixPath,
    directory: &Path,
    bind: impl FnOnce(&Path) -> io::Result<S>,
) -> io::Result<(S, Place)> {
    let hidden = hidden_directory(directory)?;
    let made = hidden.path().join("s");
    let socket = bind(&made)?;
    if let Some(mode) = at.mode {
        fs::set_permissions(&made, Permissions::from_mode(mode))?;
    }
    let metadata = fs::symlink_metadata(&made)?;
    fs::rename(&made, &at.path)?;
    let identity = (metadata.dev(), metadata.ino());
    Ok((socket, Place { path: at.path.clone(), identity }))
}

/// The name is short, as paths of sockets have at most 107 bytes.
fn hidden_directory(directory: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").rand_bytes(6).permissions(Permissions::from_mode(0o700));
    builder.tempdir_in(directory)
}

fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            format!("{error}; the path of a socket may have 107 bytes, less ten for its making")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{error}; loglite's user needs the right to write to the directory")
        }
        _ => error.to_string(),
    }
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn is_ours(&self) -> bool {
        fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            warn!(path = %self.path.display(), %error, "the socket stays behind; the next start replaces it");
        }
    }
}
