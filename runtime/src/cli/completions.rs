//! `loglite completions <shell>`: a script for the shell's completion.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        // The generator panics when its output fails, so it writes to memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "loglite", &mut script);
        Ok(out.write_all(&script)?)
    }
}
