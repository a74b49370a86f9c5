//! `loglite dead-letters`: entries that could not be stored, listed, shown, replayed and deleted.

mod list;
mod purge;
mod replay;
mod show;

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::list::printable;
use crate::app::telemetry::LogFormat;

#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List them, the newest first
    List(list::List),
    /// Show one whole, with its entry
    Show(show::Show),
    /// Put them through the transforms and into the table again; those that succeed are deleted
    Replay(replay::Replay),
    /// Delete them
    Purge(purge::Purge),
}

impl DeadLettersCommand {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(list) => list.run(format, out),
            Self::Show(show) => show.run(format, out),
            Self::Replay(replay) => replay.run(format, out),
            Self::Purge(purge) => purge.run(format, out),
        }
    }
}
