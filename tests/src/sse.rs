//! A subscriber of server-sent events.

use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::body::{Body, Framing};
use crate::connection::Connection;
use crate::deadline::DEADLINE;
use crate::message::Request;

/// An open subscription.
#[derive(Debug)]
pub struct Sse {
    lines: BufReader<Body<BufReader<TcpStream>>>,
    line: Vec<u8>,
}

/// One event: the rows of its array, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id: the newest row id in it.
    pub id: String,
    /// Its rows.
    pub rows: Vec<Value>,
}

/// What came on the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// Rows.
    Event(Event),
    /// A comment, such as a heartbeat.
    Comment(String),
}

impl Sse {
    /// Sends the request and returns once the server has answered: it sees all that is committed from then on.
    ///
    /// # Errors
    /// When the connection breaks or the answer is no event stream.
    pub fn open(mut connection: Connection, request: &Request) -> io::Result<Self> {
        connection.write(&request.to_bytes())?;
        let head = connection.read_head()?;
        let is_stream = |(name, value): &(String, String)| {
            name == "content-type" && value.starts_with("text/event-stream")
        };
        if head.status != 200 || !head.headers.iter().any(is_stream) {
            return Err(io::Error::other(format!("no event stream: {head:?}")));
        }
        let body = Body::new(connection.into_stream(), Framing::of(&head.headers)?);
        Ok(Self { lines: BufReader::new(body), line: Vec::new() })
    }

    /// The next event or comment within `patience`; `None` when none came. What was begun is read on next time.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream has ended.
    ///
    /// # Panics
    /// When what came is no event: then the server is at fault.
    pub fn next_within(&mut self, patience: Duration) -> io::Result<Option<Frame>> {
        let until = Instant::now() + patience;
        loop {
            let left =
                until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.lines.get_ref().stream().get_ref().set_read_timeout(Some(left))?;
            let before = self.line.len();
            match self.lines.read_until(b'\n', &mut self.line) {
                Ok(_) if self.line.len() == before => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(_) if self.line.ends_with(b"\n\n") || self.line == b"\n" => {
                    let block = std::mem::take(&mut self.line);
                    if let Some(frame) = parse(&String::from_utf8(block).expect("events are UTF-8"))
                    {
                        return Ok(Some(frame));
                    }
                }
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {
                    if Instant::now() >= until {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next event; comments are passed over.
    ///
    /// # Panics
    /// When none comes within [`DEADLINE`].
    pub fn event(&mut self) -> Event {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            match self.next_within(left).expect("the stream goes on") {
                Some(Frame::Event(event)) => return event,
                Some(Frame::Comment(_)) => {}
                None => break,
            }
        }
        panic!("no event within {DEADLINE:?}")
    }

    /// Events until they hold `count` rows or more.
    ///
    /// # Panics
    /// When they don't come.
    pub fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        while events.iter().map(|event| event.rows.len()).sum::<usize>() < count {
            events.push(self.event());
        }
        events
    }

    /// Rows in the order they were committed, until there are `count` or more.
    ///
    /// # Panics
    /// When they don't come.
    pub fn rows(&mut self, count: usize) -> Vec<Value> {
        let events = self.events(count).into_iter();
        events.flat_map(|event| event.rows.into_iter().rev()).collect()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// One block of lines: an event, a comment, or settings of the stream.
fn parse(block: &str) -> Option<Frame> {
    let (mut id, mut data, mut comment) = (None, None, None);
    for line in block.lines().filter(|line| !line.is_empty()) {
        match line.split_once(':') {
            Some(("", text)) => comment = Some(text.trim().to_owned()),
            Some(("id", text)) => id = Some(text.trim().to_owned()),
            Some(("data", text)) if data.is_none() => data = Some(text.trim().to_owned()),
            Some(("retry", _)) => {}
            _ => panic!("no line of an event that loglite sends: {line:?}"),
        }
    }
    let Some(data) = data else { return comment.map(Frame::Comment) };
    let rows = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error} in {data}"));
    Some(Frame::Event(Event { id: id.expect("each event has an id"), rows }))
}
