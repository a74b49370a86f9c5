//! `loglite plugin run` for a transform: lines of standard input become lines of standard output.

use std::io::{self, BufRead, BufReader, Read, StdinLock, Write, stderr, stdin, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Runtime;

use super::component::Prepared;
use super::judge::Judge;
use super::line::one_line;
use crate::pipeline::Verdict;

/// Lines of one call, as the service has them.
const CALL_ENTRIES: usize = 256;
const CALL_BYTES: usize = 1 << 20;
/// A longer line is no entry.
const LONGEST_LINE: u64 = 64 << 20;

/// A line that is an entry, and where it stood.
struct Line {
    number: u64,
    text: String,
}

/// What became of the lines so far.
#[derive(Debug, Default)]
struct Tally {
    read: u64,
    written: u64,
    kept: u64,
    replaced: u64,
    dropped: u64,
    split: u64,
    refused: u64,
    failed: u64,
    in_plugin: Duration,
}

/// Standard input, a call's worth of lines at a time.
struct Lines {
    input: BufReader<StdinLock<'static>>,
    number: u64,
}

/// Maps all of standard input.
///
/// # Errors
/// What keeps the transform from starting, and failures to read and write.
pub(super) fn run(
    runtime: &Runtime,
    prepared: &Prepared,
    source: &str,
) -> anyhow::Result<ExitCode> {
    let mut judge = runtime
        .block_on(Judge::start(prepared))
        .with_context(|| format!("transform `{}` does not start", prepared.setup.name))?;
    let mut lines =
        Lines { input: BufReader::with_capacity(CALL_BYTES, stdin().lock()), number: 0 };
    let mut tally = Tally::default();
    let begun = Instant::now();
    loop {
        let (entries, is_end) = lines.next_call(&mut tally)?;
        let texts: Vec<_> = entries.iter().map(|line| line.text.as_str()).collect();
        let called = Instant::now();
        let outcomes = runtime.block_on(judge.judge(source, &texts));
        tally.in_plugin += called.elapsed();
        let mut out = stdout().lock();
        for (line, outcome) in entries.iter().zip(outcomes) {
            tally.settle(line, outcome, &mut out)?;
        }
        out.flush()?;
        if is_end {
            break;
        }
    }
    tally.tell(begun.elapsed())?;
    Ok(if tally.failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Lines {
    /// At least one line, and those behind it that are there already: who types line by line gets answers line by
    /// line. Says whether the input has ended.
    fn next_call(&mut self, tally: &mut Tally) -> anyhow::Result<(Vec<Line>, bool)> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        loop {
            let Some(text) = self.next_line()? else { return Ok((lines, true)) };
            if !text.trim_ascii().is_empty() {
                tally.read += 1;
                match entry(text) {
                    Ok(text) => {
                        bytes += text.len();
                        lines.push(Line { number: self.number, text });
                    }
                    Err(reason) => {
                        tally.refused += 1;
                        writeln!(stderr(), "line {}: refused: {reason}", self.number)?;
                    }
                }
            }
            let is_waiting = !self.input.buffer().contains(&b'\n');
            if is_waiting || lines.len() >= CALL_ENTRIES || bytes >= CALL_BYTES {
                return Ok((lines, false));
            }
        }
    }

    /// The next line without its end; none at the end.
    fn next_line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        let read = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text);
        read.context("cannot read standard input")?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let is_whole = text.pop_if(|last| *last == b'\n').is_some();
        anyhow::ensure!(
            is_whole || (text.len() as u64) < LONGEST_LINE,
            "line {} has more than {LONGEST_LINE} bytes; an entry is one JSON object in one line",
            self.number
        );
        Ok(Some(text))
    }
}

/// The line as an entry, or why it is none: such a line never reaches a transform.
fn entry(line: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    one_line(&text)?;
    Ok(text)
}

impl Tally {
    /// Writes what the verdict lets through, and tells of what it doesn't.
    fn settle(
        &mut self,
        line: &Line,
        outcome: Result<Verdict, String>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let told = match outcome {
            Ok(Verdict::Keep) => {
                self.kept += 1;
                return self.write(&[&line.text], out).map(|_| ());
            }
            Ok(Verdict::Replace(text)) => {
                self.replaced += 1;
                self.write(&[text.as_str()], out)?
            }
            Ok(Verdict::Split(parts)) => {
                self.split += 1;
                let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
                let refused = self.write(&parts, out)?;
                Some(refused.unwrap_or_else(|| format!("split into {}", parts.len())))
            }
            Ok(Verdict::Drop) => {
                self.dropped += 1;
                Some("dropped".into())
            }
            Ok(Verdict::Refuse(reason)) => {
                self.refused += 1;
                Some(format!("refused: {reason}"))
            }
            Ok(Verdict::Fail(reason)) | Err(reason) => {
                self.failed += 1;
                Some(format!("failed: {reason}"))
            }
        };
        told.map_or(Ok(()), |told| writeln!(stderr(), "line {}: {told}", line.number))
    }

    /// Writes what became of an entry, or says what of it is no entry: the service would store nothing of it, either.
    fn write(&mut self, entries: &[&str], out: &mut impl Write) -> io::Result<Option<String>> {
        match entries.iter().map(|text| one_line(text)).collect::<Result<Vec<_>, _>>() {
            Ok(lines) => {
                for line in lines {
                    self.written += 1;
                    writeln!(out, "{line}")?;
                }
                Ok(None)
            }
            Err(reason) => {
                self.refused += 1;
                Ok(Some(format!("refused: of what the transform gave back: {reason}")))
            }
        }
    }

    fn tell(&self, took: Duration) -> io::Result<()> {
        let Self { read, written, kept, replaced, dropped, split, refused, failed, in_plugin } =
            self;
        writeln!(
            stderr(),
            "in {read}, out {written}: kept {kept}, replaced {replaced}, dropped {dropped}, split {split}, \
             refused {refused}, failed {failed}; {in_plugin:.1?} in the plugin, {took:.1?} in all"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_entry_never_reaches_a_transform() {
        assert_eq!(entry(b"{}\r".to_vec()).as_deref(), Ok("{}\r"));
        assert!(entry(b"\xFF".to_vec()).expect_err("bytes").contains("UTF-8"));
        assert!(entry(b"1".to_vec()).expect_err("a number").contains("object"));
    }

    #[test]
    fn what_a_transform_gives_back_is_checked() {
        let mut tally = Tally::default();
        let mut out = Vec::new();
        assert_eq!(tally.write(&["{\"a\":\n1}"], &mut out).expect("memory"), None);
        let told = tally.write(&["{}", "no"], &mut out).expect("memory");
        assert_eq!(out, b"{\"a\": 1}\n");
        assert!(told.is_some_and(|told| told.starts_with("refused: ")));
        assert_eq!((tally.written, tally.refused), (1, 1));
    }
}
