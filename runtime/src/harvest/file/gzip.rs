//! Compressed files: read once and whole, position and prints being those of what they hold.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::handles::open;
use super::identity::{FileId, PRINT_BYTES, Prints, print_bytes};
use super::tailed::Tailed;
use super::turn::{Sink, TURN_BYTES, Turn};
use crate::harvest::Assembler;

/// As much is skipped in one turn.
const SKIP_BYTES: u64 = 16 << 20;

/// A compressed file that is being read.
#[derive(Debug)]
pub(super) struct Unpacking {
    id: FileId,
    decoder: MultiGzDecoder<BufReader<File>>,
    /// Of the compressed file when it was opened.
    size: u64,
    /// Bytes that have come out.
    at: u64,
    /// The first ones.
    head: Vec<u8>,
    /// The last ones.
    recent: Vec<u8>,
}

impl Unpacking {
    /// Opens a file.
    ///
    /// # Errors
    /// When it can't be opened.
    pub(super) fn open(id: FileId, path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let metadata = file.metadata()?;
        if FileId::of(&metadata) != id {
            return Err(ErrorKind::NotFound.into());
        }
        let decoder = MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, file));
        let size = metadata.len();
        Ok(Self { id, decoder, size, at: 0, head: Vec::new(), recent: Vec::new() })
    }

    /// Which file it is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }

    /// Whether it is this file.
    pub(super) fn is_of(&self, id: FileId) -> bool {
        self.id == id
    }

    /// Reads on. [`Turn::End`] says that all of it was read, or that it is not complete yet: then `finished_size` is
    /// none. Counts bytes of what the file holds.
    ///
    /// # Errors
    /// When it can't be read or unpacked.
    pub(super) fn read_on(&mut self, tailed: &mut Tailed, sink: &mut Sink<'_>) -> io::Result<Turn> {
        if self.at < tailed.fed {
            return self.skip(tailed);
        }
        let mut buffer = std::mem::take(sink.buffer);
        buffer.resize(TURN_BYTES, 0);
        let read = self.read(&mut buffer);
        let turn = read.map(|read| {
            let mut assembler =
                tailed.assembler.take().unwrap_or_else(|| sink.assembler(tailed.offset));
            let fresh = buffer.get(..read).unwrap_or_default();
            assembler.feed(fresh, sink.emit(&tailed.origin));
            if read == 0 {
                assembler.finish(sink.emit(&tailed.origin));
                tailed.finished_size = Some(self.size);
            }
            self.advance(tailed, assembler);
            if read == 0 { Turn::End(0) } else { Turn::More(read as u64) }
        });
        *sink.buffer = buffer;
        turn
    }

    fn advance(&self, tailed: &mut Tailed, assembler: Assembler) {
        let offset = self.at.saturating_sub(assembler.pending_bytes());
        (tailed.fed, tailed.examined) = (self.at, self.at);
        if offset > tailed.offset {
            (tailed.offset, tailed.prints) = (offset, self.prints(offset));
        }
        tailed.assembler = Some(assembler);
    }

    /// Goes to where the file was read up to; if it holds something else now, it was replaced.
    fn skip(&mut self, tailed: &Tailed) -> io::Result<Turn> {
        let until = tailed.fed.min(self.at + SKIP_BYTES);
        if !self.forward(until)? {
            return Ok(Turn::Replaced);
        }
        let is_there = self.at == tailed.fed;
        let is_same = !is_there || self.prints(self.at).is_same_as(&tailed.prints);
        Ok(if is_same { Turn::More(0) } else { Turn::Replaced })
    }

    /// Unpacks up to a position; false if the file ends before.
    fn forward(&mut self, until: u64) -> io::Result<bool> {
        let mut buffer = vec![0; TURN_BYTES];
        while self.at < until {
            let wanted = usize::try_from(until - self.at).unwrap_or(usize::MAX).min(TURN_BYTES);
            let room = buffer.get_mut(..wanted).unwrap_or_default();
            if self.read(room)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match self.decoder.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        let fresh = buffer.get(..read).unwrap_or_default();
        let missing = PRINT_BYTES.saturating_sub(self.head.len());
        self.head.extend(fresh.iter().take(missing));
        let surplus = (self.recent.len() + read).saturating_sub(PRINT_BYTES + TURN_BYTES);
        self.recent.drain(..surplus.min(self.recent.len()));
        self.recent.extend_from_slice(fresh);
        self.at += read as u64;
        Ok(read)
    }

    /// Prints of what is before a position; none if that was too long ago.
    fn prints(&self, offset: u64) -> Prints {
        let bytes = print_bytes(offset);
        let start = self.at - self.recent.len() as u64;
        let within = |position: u64| usize::try_from(position.checked_sub(start)?).ok();
        let tail = within(offset - bytes as u64).zip(within(offset));
        let tail = tail.and_then(|(from, to)| self.recent.get(from..to));
        let head = self.head.get(..bytes).unwrap_or(&self.head);
        tail.map_or_else(Prints::default, |tail| Prints::new(head, tail))
    }
}

/// Whether a compressed file begins with what was read of another one up to `offset`.
///
/// # Errors
/// When it can't be read or unpacked, also because it is not complete yet.
pub(super) fn holds(id: FileId, path: &Path, offset: u64, prints: &Prints) -> io::Result<bool> {
    let mut unpacking = Unpacking::open(id, path)?;
    // Most files differ in their first bytes already.
    if !unpacking.forward(print_bytes(offset) as u64)? || !prints.head().begins(&unpacking.head) {
        return Ok(false);
    }
    Ok(unpacking.forward(offset)? && unpacking.prints(offset).is_same_as(prints))
}

/// The first bytes that a compressed file holds.
///
/// # Errors
/// As of [`holds`].
pub(super) fn head(id: FileId, path: &Path) -> io::Result<Vec<u8>> {
    let mut unpacking = Unpacking::open(id, path)?;
    unpacking.forward(PRINT_BYTES as u64)?;
    Ok(unpacking.head)
}
