//! From the bytes of an input to batches of entries, on a thread that may block.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use memchr::memchr;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::config::LineConfig;
use crate::harvest::{Assembler, Line, LineReader};
use crate::pipeline::{Haul, HaulBuilder};

/// Nobody else waits for the writer, so batches are larger than a harvester's.
const BATCH_ENTRIES: usize = 4_000;
const BATCH_BYTES: usize = 1 << 20;
const READ_BYTES: usize = 128 << 10;

/// Entries of one input, and where it stands behind them.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) haul: Haul,
    /// The line in which each entry begins, from 1 on.
    pub(super) entry_lines: Vec<u64>,
    /// The line in which each misfit begins.
    pub(super) misfit_lines: Vec<u64>,
    /// Where the next entry begins, in bytes.
    pub(super) offset: u64,
    /// Lines before that.
    pub(super) lines: u64,
    /// Whether it is the last one of its input.
    pub(super) is_last: bool,
}

/// What becomes of lines.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) line: LineConfig,
    pub(super) reader: Arc<LineReader>,
}

/// Where the reading of an input begins.
#[derive(Debug, Clone)]
pub(super) struct Begin {
    pub(super) offset: u64,
    pub(super) lines: u64,
    /// What the input is called.
    pub(super) origin: String,
    /// Whether what has come so far is handed on when nothing more is there at the moment.
    pub(super) is_live: bool,
}

/// Makes batches of one input.
pub(super) struct Batcher {
    recipe: Recipe,
    begin: Begin,
    assembler: Assembler,
    builder: HaulBuilder,
    /// Bytes before the end of what was fed.
    fed: u64,
    /// Line feeds before that.
    lines: u64,
    /// The line in which what is pending begins.
    pending_line: u64,
    /// The line that was fed last has no end yet.
    is_open: bool,
    entry_lines: Vec<u64>,
    misfit_lines: Vec<u64>,
    progress: Arc<Progress>,
}

impl Batcher {
    pub(super) fn new(recipe: Recipe, begin: Begin, progress: Arc<Progress>) -> Self {
        let assembler = match begin.offset {
            0 => Assembler::new(&recipe.line),
            _ => Assembler::resumed(&recipe.line),
        };
        Self {
            assembler,
            builder: HaulBuilder::default(),
            fed: begin.offset,
            lines: begin.lines,
            pending_line: begin.lines + 1,
            is_open: false,
            entry_lines: Vec::new(),
            misfit_lines: Vec::new(),
            recipe,
            begin,
            progress,
        }
    }

    /// Reads to the end, or until it is asked to stop. What was read before a failure is handed on.
    ///
    /// # Errors
    /// When the input can't be read or decompressed further.
    pub(super) fn run(
        mut self,
        mut input: impl Read,
        batches: &mpsc::Sender<Batch>,
        stopping: &CancellationToken,
    ) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        while !stopping.is_cancelled() {
            let count = match input.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.hand_on(false, batches);
                    return Err(error);
                }
            };
            if count == 0 {
                self.finish();
                self.hand_on(true, batches);
                return Ok(());
            }
            self.feed(buffer.get(..count).unwrap_or_default());
            let is_full =
                self.builder.len() >= BATCH_ENTRIES || self.builder.byte_len() >= BATCH_BYTES;
            let is_awaited = self.begin.is_live && batches.capacity() > 0;
            if (is_full || is_awaited) && !self.hand_on(false, batches) {
                return Ok(());
            }
        }
        self.hand_on(false, batches);
        Ok(())
    }

    /// Line by line, so that the line of each entry is known.
    fn feed(&mut self, bytes: &[u8]) {
        let before = self.lines;
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, behind) = rest.split_at(end);
            rest = behind;
            self.feed_line(line);
        }
        self.progress.lines_read(self.lines - before);
    }

    fn feed_line(&mut self, line: &[u8]) {
        self.fed += line.len() as u64;
        let Self { recipe, begin, builder, .. } = self;
        let before = (builder.len(), builder.misfits().len());
        self.assembler.feed(line, |line| recipe.reader.read(line, &begin.origin, builder));
        self.note(before);
        self.is_open = !line.ends_with(b"\n");
        self.lines += u64::from(!self.is_open);
        if self.recipe.line.multiline.is_none() || self.assembler.pending_bytes() == 0 {
            self.pending_line = self.lines + 1;
        } else if before.0 != self.builder.len() {
            // This line has ended what was pending, and is the first of what is pending now.
            self.pending_line = self.lines;
        }
    }

    fn finish(&mut self) {
        let Self { recipe, begin, builder, .. } = self;
        let before = (builder.len(), builder.misfits().len());
        self.assembler.finish(|line: Line<'_>| recipe.reader.read(line, &begin.origin, builder));
        self.note(before);
        self.lines += u64::from(self.is_open);
        self.progress.lines_read(u64::from(self.is_open));
        self.pending_line = self.lines + 1;
    }

    /// What has come out since began in the line that was pending.
    fn note(&mut self, (all, misfits): (usize, usize)) {
        let new_misfits = self.builder.misfits().len() - misfits;
        let new_entries = self.builder.len() - all - new_misfits;
        self.entry_lines.extend(std::iter::repeat_n(self.pending_line, new_entries));
        self.misfit_lines.extend(std::iter::repeat_n(self.pending_line, new_misfits));
    }

    /// False when nobody takes it.
    fn hand_on(&mut self, is_last: bool, batches: &mpsc::Sender<Batch>) -> bool {
        if self.builder.is_empty() && !is_last {
            return true;
        }
        let batch = Batch {
            haul: self.builder.take(),
            entry_lines: std::mem::take(&mut self.entry_lines),
            misfit_lines: std::mem::take(&mut self.misfit_lines),
            offset: self.fed - self.assembler.pending_bytes(),
            lines: self.pending_line - 1,
            is_last,
        };
        batches.blocking_send(batch).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LineOptions, MultilineConfig, Pattern};
    use crate::domain::EntryText;

    /// A stream that yields so many bytes at once.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len());
            let (now, later) = self.0.split_at(count);
            buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.0 = later;
            Ok(count)
        }
    }

    fn text() -> LineConfig {
        let scalars = vec![("format", "text".to_owned())];
        LineOptions { scalars, ..LineOptions::default() }.read().expect("fine")
    }

    /// The batches of this text from `offset` on, read in pieces of this size.
    fn batches(
        line: &LineConfig,
        text: &str,
        piece: usize,
        (offset, lines): (u64, u64),
    ) -> Vec<Batch> {
        let reader = Arc::new(LineReader::new(line, "timestamp"));
        let recipe = Recipe { line: line.clone(), reader };
        let begin = Begin { offset, lines, origin: "x".into(), is_live: true };
        let batcher = Batcher::new(recipe, begin, Arc::default());
        let (sender, mut receiver) = mpsc::channel(1_000);
        let start = usize::try_from(offset).expect("small");
        let rest = text.as_bytes().get(start..).expect("within");
        batcher.run(Pieces(rest, piece), &sender, &CancellationToken::new()).expect("readable");
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv()).collect()
    }

    fn entries(batches: &[Batch]) -> Vec<(u64, String)> {
        let pairs =
            batches.iter().flat_map(|batch| batch.entry_lines.iter().zip(&batch.haul.entries));
        pairs.map(|(line, entry)| (*line, EntryText::as_str(entry).to_owned())).collect()
    }

    #[test]
    fn each_entry_knows_its_line_however_the_bytes_come() {
        let content = "one\n\n\ntwo\r\nthree";
        let whole = entries(&batches(&text(), content, 1_000, (0, 0)));
        let lines: Vec<_> = whole.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 4, 5]);
        for piece in 1..content.len() {
            let batches = batches(&text(), content, piece, (0, 0));
            assert_eq!(entries(&batches), whole, "{piece}");
            let last = batches.last().expect("one");
            assert_eq!((last.offset, last.lines, last.is_last), (content.len() as u64, 5, true));
        }
    }

    #[test]
    fn an_entry_of_several_lines_is_of_its_first_one() {
        let start = Pattern(regex::Regex::new("^\\S").expect("a regex"));
        let timeout = std::time::Duration::from_secs(1);
        let line = LineConfig { multiline: Some(MultilineConfig { start, timeout }), ..text() };
        let content = "one\n a\n b\ntwo\n\nthree\n c";
        for piece in 1..=content.len() {
            let found = entries(&batches(&line, content, piece, (0, 0)));
            let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 4, 6], "{piece} {found:?}");
        }
    }

    #[test]
    fn from_each_position_the_rest_follows_and_nothing_twice() {
        let content = "one\n\ntwo\nthree\nfour\n";
        let all = entries(&batches(&text(), content, 7, (0, 0)));
        let mut before = 0;
        for batch in batches(&text(), content, 7, (0, 0)) {
            before += batch.haul.entries.len();
            let rest = entries(&batches(&text(), content, 3, (batch.offset, batch.lines)));
            assert_eq!(Some(rest.as_slice()), all.get(before..));
        }
        assert_eq!(before, all.len());
    }

    #[test]
    fn what_came_before_a_failure_is_handed_on() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let line = text();
        let recipe =
            Recipe { reader: Arc::new(LineReader::new(&line, "timestamp")), line: line.clone() };
        let begin = Begin { offset: 0, lines: 0, origin: "x".into(), is_live: false };
        let (sender, mut receiver) = mpsc::channel(10);

        let outcome = Batcher::new(recipe, begin, Arc::default()).run(
            io::Cursor::new("one\nhalf").chain(Failing),
            &sender,
            &CancellationToken::new(),
        );

        assert!(outcome.is_err());
        let batch = receiver.blocking_recv().expect("a batch");
        assert_eq!((batch.haul.entries.len(), batch.offset, batch.is_last), (1, 4, false));
    }
}
