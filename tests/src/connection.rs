//! A client's connection: raw enough to send what no well-behaved client sends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::body::{Body, Framing};
use crate::deadline::DEADLINE;
use crate::message::{Request, Response};

/// A connection to the server. Requests on it are sent one after another.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the server is gone or does not answer in time.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads the whole answer. The connection can be used again.
    ///
    /// # Errors
    /// When the connection breaks before the whole answer is there.
    pub fn send(&mut self, request: &Request) -> io::Result<Response> {
        let written = self.write(&request.to_bytes());
        // A server that refuses a body may answer and close before all of it is sent.
        match (self.read_response_to(request), written) {
            (Ok(response), _) => Ok(response),
            (Err(_), Err(error)) | (Err(error), Ok(())) => Err(error),
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the connection is closed, or the server does not read in time.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads the answer to what was sent.
    ///
    /// # Errors
    /// When the connection breaks before the whole answer is there.
    pub fn read_response(&mut self) -> io::Result<Response> {
        self.read_response_to(&Request::get("/"))
    }

    /// Reads until the server closes the connection, and returns what came.
    ///
    /// # Errors
    /// When it is not closed in time.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
            _ => Ok(bytes),
        }
    }

    /// The socket, for timeouts and half-closing.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// How long one read waits for bytes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket().set_read_timeout(Some(patience))
    }

    fn read_response_to(&mut self, request: &Request) -> io::Result<Response> {
        let Head { status, headers } = self.read_head()?;
        let mut framing = Framing::of(&headers)?;
        if request.is_head() || matches!(status, 100..=199 | 204 | 304) {
            framing = Framing::Length(0);
        }
        let mut body = Vec::new();
        Body::new(&mut self.stream, framing).read_to_end(&mut body)?;
        Ok(Response { status, headers, body })
    }

    pub(crate) fn read_head(&mut self) -> io::Result<Head> {
        let status_line = self.read_line()?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| malformed(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(Head { status, headers });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    pub(crate) fn into_stream(self) -> BufReader<TcpStream> {
        self.stream
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&line);
        Ok(text.strip_suffix('\r').unwrap_or(&text).to_owned())
    }
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("this is no line of a response: {line:?}"))
}
