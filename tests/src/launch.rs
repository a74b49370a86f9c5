//! One run of the binary about to begin: arguments, environment, input.

use std::process::Command;

use crate::binary::binary;
use crate::deadline::eventually;
use crate::home::Home;
use crate::process::{Exit, Process};
use crate::server::Server;

/// What stands before the address in the log.
const LISTENING: &str = "listening on http://";

/// A run of `loglite` about to begin.
#[derive(Debug)]
pub struct Launch {
    home: Home,
    command: Command,
    input: String,
}

impl Launch {
    pub(crate) fn new(home: Home, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(home.path());
        // The tests' own environment must not configure what is tested.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LOGLITE_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        Self { home, command, input: String::new() }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What the command reads on standard input.
    #[must_use]
    pub fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// Starts the command and leaves it running.
    #[must_use]
    pub fn spawn(mut self) -> Process {
        Process::start(&mut self.command, &self.input)
    }

    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> Exit {
        self.spawn().wait()
    }

    /// Starts a server and waits until it listens.
    ///
    /// # Panics
    /// When it ends before; the message holds what it wrote.
    #[must_use]
    pub fn serve(self) -> Server {
        self.try_serve().unwrap_or_else(|exit| panic!("the server did not start: {exit:#?}"))
    }

    /// Starts a server and waits until it listens or ends.
    ///
    /// # Errors
    /// How it ended.
    ///
    /// # Panics
    /// When it does neither within [`crate::DEADLINE`].
    pub fn try_serve(self) -> Result<Server, Exit> {
        let home = self.home.clone();
        let mut process = self.spawn();
        let address = eventually("the server listens or ends", || {
            let ended = !process.is_running();
            let line = process.stderr().split_inclusive('\n').find_map(address_in);
            line.map(Some).or_else(|| ended.then_some(None))
        });
        match address {
            Some(address) => Ok(Server::new(home, process, &address)),
            None => Err(process.wait()),
        }
    }
}

/// The `host:port` in a complete line that says where the server listens.
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.strip_suffix('\n')?.split_once(LISTENING)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".:[]-".contains(c);
    Some(rest.chars().take_while(|c| is_part(*c)).collect())
}
