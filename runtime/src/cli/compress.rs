//! `loglite compress`: the rows that are there get ids for the values of a column.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;

use super::ConfigFile;
use super::progress::rows;
use super::recode::{self, Ending, Signals, places};
use super::units::bytes;
use crate::app::telemetry::LogFormat;
use crate::config::{CompressionConfig, Config};
use crate::domain::ColumnId;
use crate::store::recode::{Direction, RecodeError, Recoding, Tally};

/// The arguments of `compress`.
#[derive(Debug, Args)]
#[command(after_help = "\
A service may run beside: it goes on writing, and its answers stay the same. The command may be ended at any time; the \
same command then goes on. New rows are compressed when `compression.columns` of the configuration names the column.\n\
Exit codes: 0 done, 1 failed, 2 the arguments or the configuration are wrong, 130 interrupted.")]
pub(super) struct Compress {
    #[command(flatten)]
    file: ConfigFile,
    /// A column; may be given several times. Without it, those of `compression.columns`
    #[arg(long = "column", value_name = "NAME")]
    columns: Vec<String>,
    /// Change nothing: tell what it would save, by a sample of the rows
    #[arg(long)]
    dry_run: bool,
}

impl Compress {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        let compression = &config.compression;
        let names = if self.columns.is_empty() { &compression.columns } else { &self.columns };
        if names.is_empty() {
            let hint = ", or list columns in `compression.columns` of the configuration";
            return Err(RecodeError::NoColumn { hint }.into());
        }
        let recoding = Recoding::open(&config)?;
        let columns = names.iter().map(|name| recoding.column(name, Direction::Compress));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        if self.dry_run {
            columns.into_iter().try_for_each(|column| estimate(&recoding, column, out))?;
            return Ok(ExitCode::SUCCESS);
        }
        let signals = Signals::listen()?;
        for column in columns {
            let name = recoding.name(column);
            match recode::recode(&recoding, column, Direction::Compress, &signals)? {
                Ending::Done(tally) => tell(&recoding, column, &tally, out)?,
                Ending::Interrupted(code) => return recode::interrupted(code, name, out),
            }
            warn_unlisted(&config, name, out)?;
        }
        writeln!(out, "{}", recode::VACUUM)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(
    recoding: &Recoding,
    column: ColumnId,
    tally: &Tally,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = recoding.name(column);
    let (values, dictionary_bytes) = recoding.dictionary_size(column)?;
    let copies = 1 + tally.indexes;
    writeln!(
        out,
        "{name}: {} compressed; {} became {} in {}; its dictionary has {} values, {}",
        rows(tally.rows),
        bytes(tally.bytes_before * copies),
        bytes(tally.bytes_after * copies),
        places(tally.indexes),
        HumanCount(values),
        bytes(dictionary_bytes),
    )?;
    if tally.left > 0 {
        writeln!(
            out,
            "{name}: {} keep their values, as the dictionary is full (`compression.max_values`) or the values are longer \
             than 4 KB or no valid UTF-8; they are found by filters all the same",
            rows(tally.left)
        )?;
    }
    Ok(())
}

fn warn_unlisted(config: &Config, name: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let CompressionConfig { enabled, columns, .. } = &config.compression;
    let is_listed = columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    let missing = match (*enabled, is_listed) {
        (true, true) => return Ok(()),
        (false, true) => "set `compression.enabled: true` in the configuration",
        (true, false) => "add it to `compression.columns` of the configuration",
        (false, false) => {
            "set `compression.enabled: true` in the configuration and add it to `compression.columns`"
        }
    };
    writeln!(out, "{name}: new rows are stored uncompressed; {missing}, then restart the service")?;
    Ok(())
}

fn estimate(recoding: &Recoding, column: ColumnId, out: &mut impl Write) -> anyhow::Result<()> {
    let name = recoding.name(column);
    let size = recoding.estimate(column)?;
    let about = if size.sampled < size.rows { "about " } else { "" };
    writeln!(
        out,
        "{name}: {about}{} values in {}; {about}{} would become {}",
        HumanCount(size.values),
        rows(size.rows),
        bytes(size.bytes_now),
        bytes(size.bytes_then),
    )?;
    if size.is_too_many {
        writeln!(
            out,
            "{name}: there are more values than `compression.max_values`; the others stay as they are"
        )?;
    }
    if size.bytes_then >= size.bytes_now && size.rows > 0 {
        writeln!(out, "{name}: compressing it does not pay")?;
    }
    Ok(())
}
