//! `loglite vacuum`: writes the database anew while no service runs.

use std::io::Write;

use crate::config::Config;
use crate::store::rewrite_database;

/// Rewrites the database and prints what that saved.
pub(super) fn run(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let rewritten = rewrite_database(&config.database)?;
    writeln!(out, "{}: {rewritten}", config.database.path().display())?;
    Ok(())
}
