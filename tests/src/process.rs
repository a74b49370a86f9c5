//! A child process whose output is collected and which ends with the value that holds it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::deadline::eventually;

/// A running `loglite`. It is killed when the value is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Capture,
    stderr: Capture,
}

/// How a process ended and what it wrote.
#[derive(Debug, Clone)]
pub struct Exit {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Process {
    /// Starts the command with its output collected and `input` as its standard input.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn start(command: &mut Command, input: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        let stdout = Capture::of(child.stdout.take().expect("stdout is piped"));
        let stderr = Capture::of(child.stderr.take().expect("stderr is piped"));
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // A process that does not read its input may be gone already.
        if let Err(error) = stdin.write_all(input.as_bytes()) {
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "writing to stdin: {error}");
        }
        Self { child, stdout, stderr }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The memory that is resident now, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.status_kilobytes("VmRSS:") << 10
    }

    /// The most memory that was resident so far, in MB.
    #[must_use]
    pub fn peak_memory_mb(&self) -> u64 {
        self.status_kilobytes("VmHWM:") >> 10
    }

    /// How many files, sockets and the like it holds open.
    ///
    /// # Panics
    /// When the system doesn't tell.
    #[must_use]
    pub fn open_files(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(directory).expect("a running process has open files").count()
    }

    /// Sends SIGTERM: asks it to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGHUP: asks it to load the plugins' components again.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system doesn't tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked for its state").is_none()
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Panics
    /// When the process does not end.
    #[must_use]
    pub fn kill(mut self) -> Exit {
        self.child.kill().expect("a child that was not waited for can be killed");
        self.wait()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it does not end within [`crate::DEADLINE`].
    #[must_use]
    pub fn wait(mut self) -> Exit {
        let status = eventually("the process ends", || {
            self.child.try_wait().expect("a child can be asked for its state")
        });
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Exit { code: status.code(), stdout, stderr }
    }

    fn status_kilobytes(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).expect("a running process has a status");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes.unwrap_or_else(|| panic!("no {field} in kB in\n{status}"))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.expect("the id of a child is positive");
        kill_process(pid, signal).expect("a child that was not waited for can be signalled");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process was waited for already.
        if self.child.kill().is_ok() {
            self.child.wait().expect("a killed child ends");
        }
    }
}

/// Collects what a pipe yields, on a thread of its own.
#[derive(Debug)]
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let thread = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let read = chunk.get(..length).unwrap_or_default();
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(read);
            }
        });
        Self { bytes, thread: Some(thread) }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("collecting output does not panic");
        }
        self.text()
    }
}
