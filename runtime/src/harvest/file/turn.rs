//! Reads on in one file, a part at a time.
//!
//! A file may be truncated and written anew at any moment, also between two reads. So it is made sure after each read
//! that the file still holds what was read of it before: only then what was read now continues it.

use std::fs::File;
use std::io;
use std::time::Instant;

use super::identity::{PRINT_BYTES, Prints, bytes_at, print_bytes, read_at};
use super::tailed::Tailed;
use crate::config::LineConfig;
use crate::harvest::{Assembler, Line, LineReader};
use crate::pipeline::HaulBuilder;

/// As much is read at once.
pub(super) const TURN_BYTES: usize = 64 * 1024;
/// As much of a line without an end is read once more rather than kept in memory.
const READ_AGAIN_BYTES: u64 = 64 * 1024;

/// Makes entries of lines.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    pub(super) config: &'a LineConfig,
    pub(super) reader: &'a LineReader,
    pub(super) out: &'a mut HaulBuilder,
    /// What is read is put here.
    pub(super) buffer: &'a mut Vec<u8>,
}

/// What reading on has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// So many bytes were read. There may be more.
    More(u64),
    /// So many bytes were read, up to the end.
    End(u64),
    /// The file does not hold any more what was read of it: it was truncated or written anew.
    Replaced,
}

impl Sink<'_> {
    /// For a file that is read from `offset` on.
    pub(super) fn assembler(&self, offset: u64) -> Assembler {
        if offset == 0 { Assembler::new(self.config) } else { Assembler::resumed(self.config) }
    }

    /// Where lines of this origin go.
    pub(super) fn emit<'b>(&'b mut self, origin: &'b str) -> impl FnMut(Line<'_>) + 'b {
        move |line| self.reader.read(line, origin, self.out)
    }
}

/// Reads on in a file.
///
/// # Errors
/// When it can't be read; then nothing has changed.
pub(super) fn read_on(tailed: &mut Tailed, file: &File, sink: &mut Sink<'_>) -> io::Result<Turn> {
    let turn = read_part(tailed, file, sink)?;
    if matches!(turn, Turn::End(_)) {
        rest(tailed, sink.config);
    }
    Ok(turn)
}

/// Hands out an event of whole lines that nothing has been added to for a while.
pub(super) fn settle(tailed: &mut Tailed, file: &File, sink: &mut Sink<'_>) {
    tailed.settle_at = None;
    if let Some(mut assembler) = tailed.assembler.take() {
        assembler.settle(sink.emit(&tailed.origin));
        tailed.assembler = Some(assembler);
        move_up(tailed, file);
        rest(tailed, sink.config);
    }
}

/// Hands out all that is left of a file whose end has come, also a line without its end.
///
/// # Errors
/// When it can't be read; then what was handed out counts as read.
pub(super) fn finish(tailed: &mut Tailed, file: &File, sink: &mut Sink<'_>) -> io::Result<Turn> {
    tailed.step_back();
    loop {
        let turn = read_part(tailed, file, sink)?;
        match turn {
            Turn::More(_) => {}
            Turn::Replaced => return Ok(turn),
            Turn::End(_) => break,
        }
    }
    if let Some(mut assembler) = tailed.assembler.take() {
        assembler.finish(sink.emit(&tailed.origin));
    }
    let end = tailed.fed;
    tailed.go_to(end, Prints::take(file, end).unwrap_or_default());
    Ok(Turn::End(0))
}

fn read_part(tailed: &mut Tailed, file: &File, sink: &mut Sink<'_>) -> io::Result<Turn> {
    let metadata = file.metadata()?;
    let size = metadata.len();
    if size < tailed.offset {
        return Ok(Turn::Replaced);
    }
    if size < tailed.fed {
        tailed.step_back();
    }
    // With what stands before, to take the print of.
    let context = print_bytes(tailed.fed);
    let start = tailed.fed - context as u64;
    let mut buffer = std::mem::take(sink.buffer);
    buffer.resize(PRINT_BYTES + TURN_BYTES, 0);
    let room = buffer.get_mut(..context + TURN_BYTES).unwrap_or_default();
    let outcome = read_at(file, room, start).and_then(|read| {
        let read = buffer.get(..read).unwrap_or_default();
        let fresh = read.get(context..).unwrap_or_default();
        if !is_continued(tailed, file, fresh)? {
            return Ok(Turn::Replaced);
        }
        let examined = tailed.examined;
        take_in(tailed, fresh, sink);
        advance(tailed, file, read, start);
        tailed.modified = metadata.modified().unwrap_or(tailed.modified);
        tailed.size = size.max(tailed.fed);
        let new = tailed.fed.saturating_sub(examined);
        Ok(if fresh.len() == TURN_BYTES { Turn::More(new) } else { Turn::End(new) })
    });
    *sink.buffer = buffer;
    outcome
}

/// Whether the file holds what was read of it before, and, if nothing was, still what was read just now.
fn is_continued(tailed: &Tailed, file: &File, fresh: &[u8]) -> io::Result<bool> {
    if tailed.offset > 0 {
        return tailed.prints.fit(file, tailed.offset);
    }
    let begin = fresh.get(..print_bytes(fresh.len() as u64)).unwrap_or_default();
    Ok(tailed.fed > 0 || bytes_at(file, 0, begin.len())? == begin)
}

fn take_in(tailed: &mut Tailed, fresh: &[u8], sink: &mut Sink<'_>) {
    let mut assembler = tailed.assembler.take().unwrap_or_else(|| sink.assembler(tailed.offset));
    let hole = if assembler.pending_bytes() == 0 { hole(fresh) } else { 0 };
    assembler.feed(fresh.get(hole..).unwrap_or_default(), sink.emit(&tailed.origin));
    tailed.fed += fresh.len() as u64;
    tailed.examined = tailed.fed;
    tailed.assembler = Some(assembler);
}

/// How many zero bytes stand before the next line: a writer that does not append leaves a hole when its file is
/// truncated. At the end of a file they may be room for what is written next.
fn hole(fresh: &[u8]) -> usize {
    match fresh.iter().position(|byte| *byte != 0) {
        Some(length) => length,
        None if fresh.len() == TURN_BYTES => fresh.len(),
        None => 0,
    }
}

/// Moves the position behind the lines that have come out. `read` are bytes of the file from `start` on.
fn advance(tailed: &mut Tailed, file: &File, read: &[u8], start: u64) {
    let offset = line_start(tailed);
    if offset <= tailed.offset {
        return;
    }
    let bytes = print_bytes(offset);
    let within = |position: u64| usize::try_from(position.checked_sub(start)?).ok();
    let tail = within(offset - bytes as u64).zip(within(offset));
    let tail = tail.and_then(|(from, to)| read.get(from..to));
    let head = if start == 0 {
        read.get(..bytes).map(<[u8]>::to_vec)
    } else {
        bytes_at(file, 0, bytes).ok()
    };
    match head.zip(tail) {
        Some((head, tail)) => {
            (tailed.offset, tailed.prints) = (offset, Prints::new(&head, tail));
        }
        None => move_up(tailed, file),
    }
}

/// Moves the position behind the lines that have come out.
fn move_up(tailed: &mut Tailed, file: &File) {
    let offset = line_start(tailed);
    if offset > tailed.offset {
        tailed.offset = offset;
        // These lines are out: without a print the file is taken for what it was.
        tailed.prints = Prints::take(file, offset).unwrap_or_default();
    }
}

/// Where the first line begins that has not come out.
fn line_start(tailed: &Tailed) -> u64 {
    let pending = tailed.assembler.as_ref().map_or(0, Assembler::pending_bytes);
    tailed.fed.saturating_sub(pending)
}

/// Nothing more is there for now: keeps no memory for the file unless it must.
fn rest(tailed: &mut Tailed, config: &LineConfig) {
    let Some(assembler) = &tailed.assembler else { return };
    if assembler.has_event() {
        let timeout = config.multiline.as_ref().map(|multiline| multiline.timeout);
        tailed.settle_at = timeout.map(|timeout| Instant::now() + timeout);
    } else if assembler.pending_bytes() <= READ_AGAIN_BYTES {
        tailed.step_back();
    }
}
