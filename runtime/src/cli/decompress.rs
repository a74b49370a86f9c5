//! `loglite decompress`: the rows that are there get the values of a column back.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::ConfigFile;
use super::progress::rows;
use super::recode::{self, Ending, Signals, places};
use super::units::bytes;
use crate::app::telemetry::LogFormat;
use crate::config::Config;
use crate::store::recode::{Direction, RecodeError, Recoding, Tally};

/// The arguments of `decompress`.
#[derive(Debug, Args)]
#[command(after_help = "\
Take the column out of `compression.columns` of the configuration first. A service may run beside: it goes on writing, \
and its answers stay the same. The command may be ended at any time; the same command then goes on.\n\
A column that is declared INTEGER, or another type that holds numbers, can't hold a number as text: the text `007` \
becomes the number 7, as in a column that was never compressed.\n\
Exit codes: 0 done, 1 failed, 2 the arguments or the configuration are wrong, 130 interrupted.")]
pub(super) struct Decompress {
    #[command(flatten)]
    file: ConfigFile,
    /// A column; may be given several times
    #[arg(long = "column", value_name = "NAME")]
    columns: Vec<String>,
}

impl Decompress {
    pub(super) fn run(self, format: LogFormat, out: &mut impl Write) -> anyhow::Result<ExitCode> {
        let config = self.file.load(format)?;
        if self.columns.is_empty() {
            return Err(RecodeError::NoColumn { hint: "" }.into());
        }
        let recoding = Recoding::open(&config)?;
        let columns = self.columns.iter().map(|name| recoding.column(name, Direction::Decompress));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for column in &columns {
            refuse_listed(&config, recoding.name(*column))?;
        }
        let signals = Signals::listen()?;
        for column in columns {
            let name = recoding.name(column);
            match recode::recode(&recoding, column, Direction::Decompress, &signals)? {
                Ending::Done(tally) => tell(name, &tally, out)?,
                Ending::Interrupted(code) => return recode::interrupted(code, name, out),
            }
            if recoding.is_compressed_again(column)? {
                writeln!(
                    out,
                    "{name}: the running service still has it in `compression.columns`; restart it, then run this \
                     command once more for the newest rows"
                )?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A service that compresses new rows, and a command that decompresses the old ones, would never come to an end.
fn refuse_listed(config: &Config, name: &str) -> Result<(), RecodeError> {
    let compression = &config.compression;
    let is_listed = compression.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    if compression.enabled && is_listed {
        return Err(RecodeError::Listed { column: name.to_owned() });
    }
    Ok(())
}

fn tell(name: &str, tally: &Tally, out: &mut impl Write) -> anyhow::Result<()> {
    let copies = 1 + tally.indexes;
    writeln!(
        out,
        "{name}: {} decompressed; {} became {} in {}",
        rows(tally.rows),
        bytes(tally.bytes_before * copies),
        bytes(tally.bytes_after * copies),
        places(tally.indexes),
    )?;
    if tally.numeric_texts > 0 {
        writeln!(
            out,
            "{name}: {} held a text of digits; such are numbers now where the column's type has numbers (`007` is 7)",
            rows(tally.numeric_texts)
        )?;
    }
    Ok(())
}
