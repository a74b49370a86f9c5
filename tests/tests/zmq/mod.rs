//! A peer that speaks ZeroMQ through libzmq, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use loglite_e2e::python_with;

const PYZMQ: &str = "pyzmq==27.1.0";

/// A peer. It is killed when the value is dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Where it is bound or connects to.
    pub(crate) endpoints: Vec<String>,
}

impl Peer {
    /// Starts one; none where Python is missing.
    pub(crate) fn start(kind: &str, side: &str, endpoints: &[&str]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zmq/peer.py");
        let mut child = Command::new(python_with(PYZMQ)?)
            .arg(script)
            .args([kind, side])
            .args(endpoints)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut peer = Self { child, input, output, endpoints: Vec::new() };
        for _ in endpoints {
            let line = peer.line();
            let endpoint = line.strip_prefix("at ").expect("it tells where it is");
            peer.endpoints.push(endpoint.to_owned());
        }
        Some(peer)
    }

    /// Its only endpoint.
    pub(crate) fn endpoint(&self) -> &str {
        self.endpoints.first().expect("it has one")
    }

    /// Has it do something and waits until it has. See peer.py.
    pub(crate) fn does(&mut self, command: &str) {
        self.begins(command);
        self.done();
    }

    /// Has it do something.
    pub(crate) fn begins(&mut self, command: &str) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{command}").expect("it runs");
    }

    /// Waits until it has done what it was told.
    pub(crate) fn done(&mut self) {
        assert_eq!(self.line(), "ok");
    }

    /// Sends a message of these parts.
    pub(crate) fn sends(&mut self, parts: &[&str]) {
        self.does(&format!("parts {}", parts.join("\t")));
    }

    /// Lets it end once all is sent.
    pub(crate) fn finish(mut self) {
        self.input = None;
        assert_eq!(self.line(), "sent");
    }

    /// A line of its output.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its output is text");
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().expect("a child that was not waited for can be killed");
        self.child.wait().expect("a killed child ends");
    }
}
