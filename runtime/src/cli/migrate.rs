//! `loglite migrate rollout`, `rollback` and `status`.

use std::io::{IsTerminal, Write, stderr, stdin};
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};

use super::{ConfigFile, UsageError};
use crate::app::telemetry::LogFormat;
use crate::config::{Config, DatabaseConfig, Migration};
use crate::store::migrate::{
    MigrationState, MigrationStatus, Rollback, TextChange, apply, pending, plan_rollback,
    roll_back, status, try_out,
};
use crate::store::{DatabaseLock, StoreError, open_reader, open_trial, open_writer};

#[derive(Debug, Subcommand)]
pub(super) enum MigrateCommand {
    /// Apply all pending migrations in order, each in one transaction
    Rollout(RolloutArgs),
    /// Take one migration back
    Rollback(RollbackArgs),
    /// Show which migrations are applied, and whether their text was changed since
    Status(ConfigFile),
}

#[derive(Debug, Args)]
pub(super) struct RolloutArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The last version to apply; earlier ones that are pending are applied, too.
    /// (The earlier generations of loglite applied the versions after this one.)
    #[arg(short = 'v', long = "version-id", value_name = "VERSION", value_parser = value_parser!(i64).range(1..))]
    up_to: Option<i64>,
    /// List what would be applied, try it, and take everything back
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// The version to take back
    #[arg(short = 'v', long = "version-id", value_name = "VERSION", value_parser = value_parser!(i64).range(1..))]
    version: i64,
    /// Don't ask
    #[arg(short, long)]
    force: bool,
}

impl MigrateCommand {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        match self {
            Self::Rollout(args) => {
                let config = args.file.load(format)?;
                if args.dry_run {
                    try_rollout(&config, args.up_to, out)
                } else {
                    rollout(&config, args.up_to, out)
                }
            }
            Self::Rollback(args) => rollback(&args.file.load(format)?, &args, out),
            Self::Status(file) => show_status(&file.load(format)?, out),
        }
    }
}

fn rollout(config: &Config, up_to: Option<i64>, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let _lock = DatabaseLock::acquire(&config.database.sqlite_dir)?;
    let mut connection = open_writer(&config.database)?;
    let pending = pending(&connection, &config.migrations, up_to)?;
    if pending.is_empty() {
        writeln!(out, "nothing to apply")?;
    }
    for migration in pending {
        apply(&mut connection, migration)?;
        writeln!(out, "applied migration {}", migration.version)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn try_rollout(
    config: &Config,
    up_to: Option<i64>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let database = &config.database;
    // Where there is no database yet there is nothing to lock, and a trial makes no directory.
    let _lock = database
        .path()
        .exists()
        .then(|| DatabaseLock::acquire(&database.sqlite_dir))
        .transpose()?;
    let mut connection = open_trial(database)?;
    let pending = pending(&connection, &config.migrations, up_to)?;
    if pending.is_empty() {
        writeln!(out, "nothing to apply")?;
        return Ok(ExitCode::SUCCESS);
    }
    for migration in &pending {
        writeln!(out, "would apply migration {}:", migration.version)?;
        write_statements(out, &migration.rollout)?;
    }
    try_out(&mut connection, &pending)?;
    writeln!(out, "tried, and taken back: all of it would succeed")?;
    Ok(ExitCode::SUCCESS)
}

fn rollback(
    config: &Config,
    args: &RollbackArgs,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let path = config.database.path();
    if !path.exists() {
        return Err(StoreError::Absent { path }.into());
    }
    let _lock = DatabaseLock::acquire(&config.database.sqlite_dir)?;
    let mut connection = open_writer(&config.database)?;
    let plan = plan_rollback(&connection, &config.migrations, args.version)?;
    if !plan.later.is_empty() {
        tracing::warn!(applied = ?plan.later, "later migrations stay applied; they may need what this one made");
    }
    if !args.force && !is_confirmed(&plan)? {
        writeln!(out, "nothing changed")?;
        return Ok(ExitCode::FAILURE);
    }
    roll_back(&mut connection, &plan)?;
    writeln!(out, "rolled back migration {}", args.version)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks at the terminal; anything but yes is no.
fn is_confirmed(plan: &Rollback<'_>) -> anyhow::Result<bool> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(UsageError::NobodyToAsk.into());
    }
    let mut terminal = stderr().lock();
    let Migration { version, rollback, .. } = plan.migration;
    writeln!(terminal, "rolling back migration {version} runs:")?;
    write_statements(&mut terminal, rollback)?;
    write!(terminal, "roll back migration {version}? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn write_statements(out: &mut impl Write, items: &[String]) -> anyhow::Result<()> {
    for line in items.iter().flat_map(|item| item.trim().lines()) {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn show_status(config: &Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let lines = read_status(&config.database, &config.migrations)?;
    let mut rows =
        vec![["version", "state", "applied at (UTC)", "text changed"].map(str::to_owned)];
    rows.extend(lines.into_iter().map(cells));
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    for [version, state, applied_at, change] in &rows {
        let [first, second, third] = widths;
        writeln!(out, "{version:<first$}  {state:<second$}  {applied_at:<third$}  {change}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads only, so that it works beside a running service.
fn read_status(
    database: &DatabaseConfig,
    migrations: &[Migration],
) -> Result<Vec<MigrationStatus>, StoreError> {
    let connection =
        if database.path().exists() { open_reader(database)? } else { open_trial(database)? };
    status(&connection, migrations)
}

fn cells(line: MigrationStatus) -> [String; 4] {
    let state = match line.state {
        MigrationState::Applied => "applied",
        MigrationState::Pending => "pending",
        MigrationState::NotInConfig => "applied, not in the config",
    };
    let change = match line.text_change {
        TextChange::Unchanged => "no",
        TextChange::Changed => "yes",
        TextChange::Unknown => "unknown",
        TextChange::NotApplicable => "-",
    };
    let applied_at = line.applied_at.unwrap_or_else(|| "-".to_owned());
    [line.version.to_string(), state.to_owned(), applied_at, change.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        directory: tempfile::TempDir,
        config: Config,
    }

    impl Fixture {
        fn new(rollouts: &[&str]) -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let mut config = Config::default();
            config.database.sqlite_dir = directory.path().join("db");
            let mut fixture = Self { directory, config };
            fixture.set(rollouts);
            fixture
        }

        fn set(&mut self, rollouts: &[&str]) {
            self.config.migrations = (1..)
                .zip(rollouts)
                .map(|(version, rollout)| Migration {
                    version,
                    rollout: vec![(*rollout).to_owned()],
                    rollback: vec!["DROP TABLE a".to_owned()],
                })
                .collect();
        }

        fn output(
            &self,
            command: impl FnOnce(&Config, &mut Vec<u8>) -> anyhow::Result<ExitCode>,
        ) -> String {
            let mut out = Vec::new();
            if let Err(error) = command(&self.config, &mut out) {
                writeln!(out, "error: {error:#}").expect("memory");
            }
            String::from_utf8(out).expect("text")
        }
    }

    #[test]
    fn what_a_failed_rollout_has_applied_is_told_and_stays() {
        let mut fixture = Fixture::new(&["CREATE TABLE a (x)", "CREATE TABLE a (y)"]);
        let output = fixture.output(|config, out| rollout(config, None, out));
        assert!(output.starts_with("applied migration 1\nerror: migration 2 failed"), "{output}");

        fixture.set(&["CREATE TABLE a (x)", "CREATE TABLE b (y)"]);
        assert_eq!(
            fixture.output(|config, out| rollout(config, None, out)),
            "applied migration 2\n"
        );
        assert_eq!(fixture.output(|config, out| rollout(config, None, out)), "nothing to apply\n");
    }

    #[test]
    fn a_dry_run_lists_and_tries_but_makes_nothing() {
        let fixture = Fixture::new(&["CREATE TABLE a (x)"]);
        let output = fixture.output(|config, out| try_rollout(config, None, out));
        assert_eq!(
            output,
            "would apply migration 1:\n    CREATE TABLE a (x)\ntried, and taken back: all of it would succeed\n"
        );
        assert_eq!(std::fs::read_dir(fixture.directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn the_status_is_a_table() {
        let mut fixture = Fixture::new(&["CREATE TABLE a (x)"]);
        assert_eq!(
            fixture.output(show_status),
            "version  state    applied at (UTC)  text changed\n1        pending  -                 -\n"
        );
        fixture.output(|config, out| rollout(config, None, out));
        fixture.set(&["CREATE TABLE a (y)", "SELECT 1"]);
        let output = fixture.output(show_status);
        let ends: Vec<_> =
            output.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(ends, ["changed", "yes", "-"], "{output}");
    }

    #[test]
    fn a_rollback_without_a_terminal_needs_force() {
        let fixture = Fixture::new(&["CREATE TABLE a (x)"]);
        let args = |force| RollbackArgs { file: ConfigFile { path: None }, version: 1, force };
        let run = |force| fixture.output(|config, out| rollback(config, &args(force), out));
        assert!(run(true).contains("there is no database at"), "{}", run(true));
        fixture.output(|config, out| rollout(config, None, out));
        // A test run by hand has a terminal, which would be asked.
        if !stdin().is_terminal() {
            assert!(run(false).contains("pass `--force`"), "{}", run(false));
        }
        assert_eq!(run(true), "rolled back migration 1\n");
    }

    #[test]
    fn a_database_in_use_is_left_alone() {
        let fixture = Fixture::new(&["CREATE TABLE a (x)"]);
        let _lock = DatabaseLock::acquire(&fixture.config.database.sqlite_dir).expect("free");
        let output = fixture.output(|config, out| rollout(config, None, out));
        assert!(output.contains("in use by another loglite (process "), "{output}");
    }
}
