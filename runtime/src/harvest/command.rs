//! A command that runs beside the service, with what it has started itself: one process group.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// How long output may come after SIGKILL: what is in the pipe, or what a process writes that has left the group.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// A command that runs. It is killed with its group when the value is dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    group: Option<Pid>,
}

/// Its output and its errors.
pub(super) type Pipes = (Option<ChildStdout>, Option<ChildStderr>);

impl Running {
    /// Starts it, with nothing on its standard input, and gives its output and its errors.
    ///
    /// # Errors
    /// As the system says, such as that there is no such program.
    pub(super) fn start(mut command: Command) -> io::Result<(Self, Pipes)> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let pipes = (child.stdout.take(), child.stderr.take());
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok((Self { child, group }, pipes))
    }

    /// Waits until its output was dealt with, which `work` does; when `stopping` is cancelled the command is asked to
    /// end first, and then made to. None when the output had to be left alone.
    pub(super) async fn until_done<W: Future>(
        &self,
        work: W,
        stopping: &CancellationToken,
    ) -> Option<W::Output> {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return Some(done),
            () = stopping.cancelled() => self.signal(Signal::TERM),
        }
        if let Ok(done) = timeout(GRACE, &mut work).await {
            return Some(done);
        }
        self.signal(Signal::KILL);
        timeout(LAST_OUTPUT, work).await.ok()
    }

    /// Waits until it has ended; it is killed when `stopping` is cancelled before.
    ///
    /// # Errors
    /// As the system says.
    pub(super) async fn status(&mut self, stopping: &CancellationToken) -> io::Result<ExitStatus> {
        tokio::select! {
            status = self.child.wait() => return status,
            () = stopping.cancelled() => {}
        }
        if let Ok(status) = timeout(GRACE, self.child.wait()).await {
            return status;
        }
        self.signal(Signal::KILL);
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) {
        let Some(group) = self.group else { return };
        if let Err(error) = kill_process_group(group, signal) {
            tracing::debug!(%error, "nothing is left of the command");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The program and its arguments as they are shown.
pub(super) fn shown(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
