//! The `loglite` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    loglite::cli::run()
}
