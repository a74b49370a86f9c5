//! `loglite dead-letters replay`: by the service that runs, or without one by this process.

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgGroup, Args};

use super::list::printable;
use crate::app::Replayer;
use crate::app::telemetry::LogFormat;
use crate::cli::ConfigFile;
use crate::config::Config;
use crate::http::{LetterFate, LetterOutcome, ReplayAnswer, ReplayBody, ServiceUrl, client};
use crate::store::{DatabaseLock, StoreError};

/// Numbers of one request.
const IDS_AT_ONCE: usize = 1_000;

/// The arguments of `dead-letters replay`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true).multiple(false),
    after_help = "While a service runs on the database it is asked to do it; otherwise the plugins of the \
        configuration are loaded here.\n\
        Exit codes: 0 all are stored, 1 some are not, 2 the arguments or the configuration are wrong."
)]
pub(crate) struct Replay {
    #[command(flatten)]
    file: ConfigFile,
    /// Their numbers
    #[arg(value_name = "ID", group = "which")]
    ids: Vec<i64>,
    /// All that are there now
    #[arg(long, group = "which")]
    all: bool,
    /// Of those, only the ones of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Where the service answers, when the configuration's `host` and `port` don't say
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Who puts letters back.
enum Performer {
    Service(ServiceUrl),
    Here(Box<Replayer>),
}

/// What came of all of it.
#[derive(Debug, Default)]
struct Tally {
    stored: u64,
    dropped: u64,
    failed: u64,
    untouched: u64,
    missing: u64,
}

impl Replay {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let runtime = crate::cli::async_runtime()?;
        let outcome = runtime.block_on(async {
            let performer = self.performer(config).await?;
            let tally = self.replay_all(&performer, out).await;
            if let Performer::Here(replayer) = performer {
                replayer.close().await;
            }
            tally
        });
        runtime.shutdown_background();
        let tally = outcome?;
        tally.tell(out)?;
        let is_done = tally.failed + tally.untouched + tally.missing == 0;
        Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn performer(&self, config: Config) -> anyhow::Result<Performer> {
        if let Some(url) = &self.url {
            return Ok(Performer::Service(ServiceUrl::parse(url)?));
        }
        let database = &config.database;
        if !database.path().exists() {
            return Err(StoreError::Absent { path: database.path() }.into());
        }
        match DatabaseLock::acquire(&database.sqlite_dir) {
            Err(StoreError::InUse { .. }) => Ok(Performer::Service(ServiceUrl::of(&config.http)?)),
            Err(error) => Err(error.into()),
            Ok(lock) => {
                // The store takes it again for itself.
                drop(lock);
                Ok(Performer::Here(Box::new(Replayer::open(config).await?)))
            }
        }
    }

    async fn replay_all(
        &self,
        performer: &Performer,
        out: &mut impl Write,
    ) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let source = self.source.clone();
        if self.all {
            let body = ReplayBody { all: true, source, ..ReplayBody::default() };
            performer.replay(body, &mut tally, out).await?;
            return Ok(tally);
        }
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        for ids in ids.chunks(IDS_AT_ONCE) {
            let (ids, source) = (ids.to_vec(), source.clone());
            let body = ReplayBody { ids: ids.clone(), source, ..ReplayBody::default() };
            let found = performer.replay(body, &mut tally, out).await?;
            for id in ids.iter().filter(|id| !found.contains(id)) {
                tally.missing += 1;
                writeln!(out, "{id}: there is no such dead letter")?;
            }
        }
        Ok(tally)
    }
}

impl Performer {
    /// Goes on until there is nothing left; returns the numbers of the letters that were found.
    async fn replay(
        &self,
        mut body: ReplayBody,
        tally: &mut Tally,
        out: &mut impl Write,
    ) -> anyhow::Result<Vec<i64>> {
        let mut found = Vec::new();
        loop {
            let answer: ReplayAnswer = match self {
                Self::Service(url) => client::post(url, "/dead-letters/replay", &body).await?,
                Self::Here(replayer) => replayer.replay(&body).await?,
            };
            for letter in &answer.letters {
                tally.count(letter, out)?;
            }
            found.extend(answer.letters.iter().map(|letter| letter.id));
            if answer.next.is_none() {
                return Ok(found);
            }
            body.next = answer.next;
        }
    }
}

impl Tally {
    fn count(&mut self, letter: &LetterOutcome, out: &mut impl Write) -> std::io::Result<()> {
        let id = letter.id;
        let reason = printable(letter.error.as_deref().unwrap_or_default());
        match letter.outcome {
            LetterFate::Stored => {
                self.stored += 1;
                match letter.rows {
                    Some(rows) if rows > 1 => writeln!(out, "{id}: stored, as {rows} rows"),
                    _ => writeln!(out, "{id}: stored"),
                }
            }
            LetterFate::Dropped => {
                self.dropped += 1;
                writeln!(out, "{id}: dropped by a transform")
            }
            LetterFate::Failed => {
                self.failed += 1;
                writeln!(out, "{id}: failed again: {reason}")
            }
            LetterFate::Untouched => {
                self.untouched += 1;
                writeln!(out, "{id}: left as it is: {reason}")
            }
        }
    }

    fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { stored, dropped, failed, untouched, missing } = self;
        write!(out, "stored {stored}, dropped {dropped}, failed again {failed}")?;
        if untouched + missing > 0 {
            write!(out, ", left as they are {untouched}, not there {missing}")?;
        }
        writeln!(out)
    }
}
