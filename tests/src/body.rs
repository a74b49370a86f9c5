//! The body of a response off the wire.

use std::io::{self, BufRead, Read};

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// By an empty chunk.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// Reads a body and nothing behind it. A body that is cut off is an error.
#[derive(Debug)]
pub(crate) struct Body<R> {
    stream: R,
    framing: Framing,
    /// Bytes until the end, or until the end of the chunk.
    left: u64,
    /// What was read of a chunk's size so far: a timeout may come in between.
    size_line: Vec<u8>,
    is_first_chunk: bool,
    ended: bool,
}

impl Framing {
    pub(crate) fn of(headers: &[(String, String)]) -> io::Result<Self> {
        let find = |name: &str| headers.iter().find(|(known, _)| known == name);
        if find("transfer-encoding").is_some_and(|(_, value)| value.contains("chunked")) {
            return Ok(Self::Chunked);
        }
        let Some((_, length)) = find("content-length") else { return Ok(Self::Close) };
        length.parse().map(Self::Length).map_err(|error| malformed(&format!("{length}: {error}")))
    }
}

impl<R: BufRead> Body<R> {
    pub(crate) fn new(stream: R, framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { stream, framing, left, size_line: Vec::new(), is_first_chunk: true, ended: false }
    }

    pub(crate) fn stream(&self) -> &R {
        &self.stream
    }

    /// Reads the size of the next chunk, with the line end of the chunk before it.
    fn next_chunk(&mut self) -> io::Result<()> {
        let line_ends = if self.is_first_chunk { 1 } else { 2 };
        while self.size_line.iter().filter(|byte| **byte == b'\n').count() < line_ends {
            if self.stream.read_until(b'\n', &mut self.size_line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let text = String::from_utf8_lossy(&self.size_line).trim().to_owned();
        self.left = u64::from_str_radix(&text, 16).map_err(|_| malformed(&text))?;
        self.size_line.clear();
        self.is_first_chunk = false;
        if self.left == 0 {
            self.ended = true;
            self.stream.read_until(b'\n', &mut Vec::new())?;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::Close {
            return self.stream.read(buffer);
        }
        if self.framing == Framing::Chunked && self.left == 0 && !self.ended {
            self.next_chunk()?;
        }
        if self.left == 0 {
            return Ok(0);
        }
        let read = (&mut self.stream).take(self.left).read(buffer)?;
        self.left -= read as u64;
        if read == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed body: {what:?}"))
}
