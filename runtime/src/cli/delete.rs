//! `loglite delete`: rows that pass a filter, beside a running service or without one.

use std::io::{IsTerminal, Write, stderr, stdin};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use super::progress::{RowProgress, rows};
use super::stop::Stop;
use super::{ConfigFile, UsageError};
use crate::app::telemetry::LogFormat;
use crate::domain::FilterText;
use crate::store::deletion::{AutoVacuum, Deleted, Deletion, Survey};

/// The arguments of `delete`.
#[derive(Debug, Args)]
#[command(after_help = "\
A filter is written as in GET /logs, without percent-encoding: `level==DEBUG`, `service=~=api&line=>100`. Rows are deleted \
that pass all filters; quote each for the shell. In a value, \\, is a comma, \\& an ampersand and \\\\ a backslash.\n\
A service may run meanwhile. Rows that arrive after the start stay. What was cut off is finished by the same command.\n\
Exit codes: 0 done, 1 failed or not confirmed, 2 the arguments or the configuration are wrong, 130 interrupted.")]
pub(crate) struct Delete {
    #[command(flatten)]
    file: ConfigFile,
    /// Delete nothing: tell how many rows it would be, and from when they are
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(short, long, visible_alias = "force", visible_short_alias = 'f')]
    yes: bool,
    /// Which rows, such as 'level==DEBUG' or 'service==x&timestamp=<2026-01-01'
    #[arg(value_name = "FILTER", required = true)]
    filters: Vec<FilterText>,
}

impl Delete {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let open = if self.dry_run { Deletion::open_dry } else { Deletion::open };
        let deletion = open(&config.database, &self.filters)?;
        let survey = deletion.survey()?;
        let table = deletion.table();
        if survey.rows == 0 {
            writeln!(out, "no row of {table} passes the filter; nothing is deleted")?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.dry_run {
            writeln!(out, "would delete {}", described(&survey, table))?;
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && !is_confirmed(&survey, table)? {
            writeln!(out, "nothing changed")?;
            return Ok(ExitCode::FAILURE);
        }
        delete(&deletion, &survey, out)
    }
}

fn delete(deletion: &Deletion, survey: &Survey, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let runtime = super::async_runtime()?;
    let _within = runtime.enter();
    let stop = Stop::on_signals().context("cannot listen for signals")?;
    let mut progress = RowProgress::start("deleted", survey.rows);
    let outcome = deletion.run(&stop.token, |done| progress.set(done));
    progress.end();
    let deleted = outcome?;
    let table = deletion.table();
    writeln!(out, "deleted {} of {table}", rows(deleted.rows))?;
    if !deleted.is_whole {
        let of = HumanCount(survey.rows);
        writeln!(out, "interrupted; {of} passed the filter, and the same command goes on")?;
    }
    tell_of_kept(&deleted, out)?;
    tell_of_space(&deleted, out)?;
    Ok(stop.code().filter(|_| !deleted.is_whole).map_or(ExitCode::SUCCESS, ExitCode::from))
}

fn tell_of_kept(deleted: &Deleted, out: &mut impl Write) -> anyhow::Result<()> {
    if deleted.kept > 0 {
        let kept = rows(deleted.kept);
        writeln!(
            out,
            "{kept} stayed: a trigger of the table kept them, or something else deleted them first"
        )?;
    }
    Ok(())
}

fn tell_of_space(deleted: &Deleted, out: &mut impl Write) -> anyhow::Result<()> {
    let free = HumanBytes(deleted.free_bytes);
    let fate = match deleted.auto_vacuum {
        AutoVacuum::Full => return Ok(()),
        AutoVacuum::Incremental => {
            "a running service returns them to the file system, some every `task_vacuum_interval`"
        }
        AutoVacuum::None => {
            "new rows fill them. The file itself shrinks only with `auto_vacuum: INCREMENTAL` in `sqlite_params`"
        }
    };
    Ok(writeln!(out, "{free} of the database file are free; {fate}")?)
}

/// Asks at the terminal; anything but yes is no.
fn is_confirmed(survey: &Survey, table: &str) -> anyhow::Result<bool> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(UsageError::NobodyToAskToDelete.into());
    }
    let mut terminal = stderr().lock();
    writeln!(terminal, "this deletes {}", described(survey, table))?;
    write!(terminal, "delete {}? [y/N] ", rows(survey.rows))?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn described(survey: &Survey, table: &str) -> String {
    let mut text = format!("{} of {table}", rows(survey.rows));
    if let Some((oldest, newest)) = &survey.timestamps {
        text += &format!("\n  timestamps from {oldest} to {newest}");
    }
    if let Some((first, last)) = survey.row_ids {
        text += &format!("\n  row ids from {} to {}", first.0, last.0);
    }
    text
}
