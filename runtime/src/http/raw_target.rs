//! Request lines as people type them: `curl 'http://…/logs?line=>5'` sends `>` as it is, and hyper refuses a target
//! with `<`, `>` or `"` before a handler could see it. The stream percent-encodes them on their way in.
//!
//! Invariant: no byte outside of a request line is changed. Where the framing is not the plain one (chunked bodies,
//! odd headers), the rest of the connection passes as it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The header that frames a body is shorter; longer lines are not kept.
const KEPT_LINE: usize = 128;

/// A connection whose request lines are made fit for hyper.
#[derive(Debug)]
pub(super) struct Lenient<S> {
    stream: S,
    scanner: Scanner,
    /// What did not fit the reader's buffer after encoding.
    rest: Vec<u8>,
    /// How much of it is read.
    rest_read: usize,
}

/// Follows the requests on a connection as far as it takes to know where request lines are.
#[derive(Debug, Default)]
struct Scanner {
    place: Place,
    /// The start of a header line of which the end has not arrived yet.
    line: Vec<u8>,
    content_length: Option<u64>,
}

/// What the next byte belongs to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    RequestLine,
    Headers,
    /// A body with this many bytes to come.
    Body(u64),
    /// It is not known: nothing is changed from here on.
    Unknown,
}

impl<S> Lenient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, scanner: Scanner::default(), rest: Vec::new(), rest_read: 0 }
    }

    fn read_rest(&mut self, buffer: &mut ReadBuf<'_>) {
        let unread = self.rest.get(self.rest_read..).unwrap_or_default();
        let fitting = unread.get(..buffer.remaining()).unwrap_or(unread);
        buffer.put_slice(fitting);
        self.rest_read += fitting.len();
        if self.rest_read == self.rest.len() {
            (self.rest, self.rest_read) = (Vec::new(), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lenient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let arrived = buffer.filled().get(before..).unwrap_or_default();
            let Some(encoded) = self.scanner.encode(arrived) else { return Poll::Ready(Ok(())) };
            buffer.set_filled(before);
            self.rest = encoded;
        }
        self.read_rest(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lenient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Scanner {
    /// The bytes with their request lines encoded; `None` when they are the same.
    fn encode(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut encoded: Option<Vec<u8>> = None;
        let mut at = 0;
        while let Some(ahead @ [_, ..]) = bytes.get(at..) {
            let place = self.place;
            let part = self.pass(ahead);
            if place == Place::RequestLine && part.iter().any(must_be_encoded) {
                let out = encoded.get_or_insert_with(|| bytes.get(..at).unwrap_or_default().into());
                percent_encode(part, out);
            } else if let Some(out) = &mut encoded {
                out.extend_from_slice(part);
            }
            at += part.len();
        }
        encoded
    }

    /// Passes over bytes of one place and returns them; at least one.
    fn pass<'b>(&mut self, ahead: &'b [u8]) -> &'b [u8] {
        match self.place {
            Place::Unknown => ahead,
            Place::Body(left) => {
                let end = usize::try_from(left).unwrap_or(usize::MAX).min(ahead.len());
                let part = ahead.get(..end).unwrap_or(ahead);
                self.place = body(left - part.len() as u64);
                part
            }
            Place::RequestLine => {
                let line = line_of(ahead);
                if line.ends_with(b"\n") {
                    self.place = Place::Headers;
                }
                line
            }
            Place::Headers => {
                let line = line_of(ahead);
                let room = KEPT_LINE.saturating_sub(self.line.len());
                self.line.extend_from_slice(line.get(..room).unwrap_or(line));
                if line.ends_with(b"\n") {
                    self.end_header();
                    self.line.clear();
                }
                line
            }
        }
    }

    fn end_header(&mut self) {
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            self.place = body(self.content_length.take().unwrap_or(0));
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon.and_then(|at| line.split_at_checked(at)).unwrap_or_default();
        let is_whole = self.line.len() < KEPT_LINE;
        if name.eq_ignore_ascii_case(b"content-length") {
            match (length(value), self.content_length) {
                (Some(length), None) if is_whole => self.content_length = Some(length),
                _ => self.place = Place::Unknown,
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") || (is_whole && is_odd(name)) {
            self.place = Place::Unknown;
        }
    }
}

fn body(left: u64) -> Place {
    if left == 0 { Place::RequestLine } else { Place::Body(left) }
}

/// Up to the end of the line, or all there is.
fn line_of(ahead: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', ahead).and_then(|end| ahead.get(..=end));
    end.unwrap_or(ahead)
}

/// The length in `: 123`.
fn length(value: &[u8]) -> Option<u64> {
    let digits = value.strip_prefix(b":")?.trim_ascii();
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    if is_plain { str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

/// Whether this is no plain header name: missing, followed by a space, or a line that goes on with the one before.
fn is_odd(name: &[u8]) -> bool {
    name.is_empty() || name.iter().any(u8::is_ascii_whitespace)
}

fn must_be_encoded(byte: &u8) -> bool {
    matches!(byte, b'<' | b'>' | b'"')
}

fn percent_encode(line: &[u8], out: &mut Vec<u8>) {
    for byte in line {
        match byte {
            b'<' => out.extend_from_slice(b"%3C"),
            b'>' => out.extend_from_slice(b"%3E"),
            b'"' => out.extend_from_slice(b"%22"),
            other => out.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader gets of bytes that arrive in pieces of this size.
    fn read(bytes: &str, piece: usize) -> String {
        let mut scanner = Scanner::default();
        let pieces = bytes.as_bytes().chunks(piece);
        let read = pieces.flat_map(|piece| scanner.encode(piece).unwrap_or_else(|| piece.into()));
        String::from_utf8(read.collect()).expect("the tests send text")
    }

    fn check(sent: &str, expected: &str) {
        for piece in 1..=sent.len() {
            assert_eq!(read(sent, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn only_request_lines_are_changed() {
        check(
            "GET /logs?a=>1,<2&b=~=\"x\" HTTP/1.1\r\nHost: <h>\r\n\r\n\
             POST /logs?> HTTP/1.1\r\ncontent-length:9\r\nX: \"\r\n\r\n<\r\n\r\n>\"\r\n\
             GET /?< HTTP/1.1\n\n",
            "GET /logs?a=%3E1,%3C2&b=~=%22x%22 HTTP/1.1\r\nHost: <h>\r\n\r\n\
             POST /logs?%3E HTTP/1.1\r\ncontent-length:9\r\nX: \"\r\n\r\n<\r\n\r\n>\"\r\n\
             GET /?%3C HTTP/1.1\n\n",
        );
    }

    #[test]
    fn nothing_is_changed_behind_framing_that_is_not_plain() {
        for header in [
            "Transfer-Encoding: chunked",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length 1",
            "X: y\r\n Content-Length: 1",
            ": 1",
        ] {
            let head = format!("POST / HTTP/1.1\r\n{header}\r\nX: y\r\n\r\n");
            let sent = format!("{head}<\r\n<body>\r\nGET /?< HTTP/1.1\r\n\r\n");
            check(&sent, &sent);
        }
    }

    #[test]
    fn long_headers_are_passed_over() {
        let head = format!("GET /?< HTTP/1.1\r\nCookie: {}\r\n\r\n", "<".repeat(1000));
        check(&head.repeat(2), &head.replace("/?<", "/?%3C").repeat(2));
    }
}
