//! What came of an import, for people: a line per input, then the sum.

use std::collections::BTreeSet;
use std::io::{self, Write, stderr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

use super::display::rate;
use crate::app::import::{End, Imported};
use crate::cli::FAILURE;

/// Reasons are cut to so many characters.
const LONGEST_REASON: usize = 200;

/// What came of all inputs so far.
#[derive(Debug)]
pub(super) struct Summary {
    is_dry: bool,
    /// The options that name the configuration.
    config: String,
    source: String,
    /// Whether another run goes on where this one is stopped.
    pub(super) goes_on: bool,
    /// Bytes of the inputs, as they are.
    pub(super) bytes: u64,
    files: u64,
    lines: u64,
    stored: u64,
    dropped: u64,
    dead: u64,
    failed: u64,
    ignored_fields: BTreeSet<String>,
}

impl Summary {
    pub(super) fn new(is_dry: bool, config: Option<&Path>, source: &str) -> Self {
        let config = config.map(|path| format!(" -c {}", path.display()));
        Self {
            is_dry,
            config: config.unwrap_or_default(),
            source: source.into(),
            goes_on: false,
            bytes: 0,
            files: 0,
            lines: 0,
            stored: 0,
            dropped: 0,
            dead: 0,
            failed: 0,
            ignored_fields: BTreeSet::new(),
        }
    }

    /// Adds one input, and tells of it.
    pub(super) fn add(&mut self, imported: Imported, out: &mut impl Write) -> anyhow::Result<()> {
        self.lines += imported.lines;
        self.stored += imported.stored;
        self.dropped += imported.dropped;
        self.dead += imported.dead;
        let Imported { name, end, .. } = &imported;
        match end {
            End::AlreadyDone { lines, time } => {
                let lines = HumanCount(*lines);
                writeln!(
                    out,
                    "{name}: already imported ({lines} lines on {time}); --again imports it once more"
                )?;
                return Ok(());
            }
            End::Failed(error) => {
                self.failed += 1;
                writeln!(stderr(), "error: {name}: {error}")?;
            }
            End::Done | End::Interrupted => self.files += 1,
        }
        if imported.lines > 0 {
            writeln!(out, "{name}: {}", self.counts(&imported))?;
        }
        for oddity in &imported.oddities {
            let reason: String = oddity.reason.chars().take(LONGEST_REASON).collect();
            writeln!(out, "  line {}: {}", oddity.line, reason.escape_debug())?;
        }
        self.ignored_fields.extend(imported.ignored_fields);
        Ok(())
    }

    fn counts(&self, imported: &Imported) -> String {
        let Imported { lines, stored, dropped, dead, .. } = imported;
        let lines = counted(*lines, "line");
        let (stored, dropped) = (HumanCount(*stored), HumanCount(*dropped));
        if self.is_dry {
            return format!("{lines}, {stored} would be entries, {} would not", HumanCount(*dead));
        }
        format!("{lines}, {stored} stored, {dropped} dropped, {}", counted(*dead, "dead letter"))
    }

    /// Tells the sum, and what to do next. `signal` is the code of the signal that has stopped it.
    pub(super) fn tell(
        &self,
        elapsed: Duration,
        signal: Option<u8>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if self.files + self.lines > 0 {
            self.tell_sum(elapsed, out)?;
        }
        self.tell_ignored(out)?;
        if self.dead > 0 && !self.is_dry {
            let Self { config, source, .. } = self;
            writeln!(
                out,
                "look at the dead letters with `loglite dead-letters list{config} --source '{source}'`"
            )?;
        }
        match signal {
            Some(_) if self.goes_on => {
                writeln!(out, "interrupted; the same command goes on where it stopped")
            }
            Some(_) => writeln!(out, "interrupted"),
            None => Ok(()),
        }
    }

    fn tell_sum(&self, elapsed: Duration, out: &mut impl Write) -> io::Result<()> {
        let (files, lines) = (counted(self.files, "file"), counted(self.lines, "line"));
        let (stored, bytes) = (HumanCount(self.stored), HumanBytes(self.bytes));
        let (seconds, rate) = (elapsed.as_secs_f64(), HumanCount(rate(self.lines, elapsed)));
        if self.is_dry {
            let dead = HumanCount(self.dead);
            write!(out, "dry run: {files}, {lines}, {stored} would be entries, {dead} would not")?;
        } else {
            let (dropped, dead) = (HumanCount(self.dropped), counted(self.dead, "dead letter"));
            write!(
                out,
                "imported: {files}, {lines}, {stored} stored, {dropped} dropped by transforms, {dead}"
            )?;
        }
        writeln!(out, ", {bytes} in {seconds:.1} s ({rate} lines/s)")
    }

    fn tell_ignored(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.ignored_fields.is_empty() {
            let keys: Vec<_> = self.ignored_fields.iter().map(String::as_str).collect();
            let keys = keys.join(", ").escape_debug().to_string();
            writeln!(
                out,
                "left out, as the table has no such columns: {keys}; add them by a migration, map them by `--column`, \
                 or set `unknown_fields_column`"
            )?;
        }
        Ok(())
    }

    pub(super) fn exit_code(&self, signal: Option<u8>) -> ExitCode {
        match signal {
            Some(code) => ExitCode::from(code),
            None if self.dead + self.failed > 0 => ExitCode::from(FAILURE),
            None => ExitCode::SUCCESS,
        }
    }
}

/// `1 line`, `2 lines`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(count))
}
