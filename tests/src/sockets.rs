//! Services that harvest sockets, and peers that send to them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::{DEADLINE, Home, Server, config, eventually};

/// The home of a service with these harvesters and these further keys of the configuration. Fields that are no column
/// go to `extra`.
#[must_use]
pub fn home(harvesters: &Value, keys: &str) -> Home {
    // JSON is YAML, too.
    Home::new(&config::with(&format!(
        "harvesters: {harvesters}\nunknown_fields_column: extra\n{keys}"
    )))
}

/// A service with one harvester called `in`, of this type and configuration.
#[must_use]
pub fn start(kind: &str, config: &Value) -> Server {
    home(&json!([{"type": kind, "name": "in", "config": config}]), "").start()
}

/// Where a harvester listens, once it does.
///
/// # Panics
/// When it doesn't within [`DEADLINE`].
#[must_use]
pub fn address(server: &Server, harvester: &str) -> String {
    let name = format!("harvester=\"{harvester}\"");
    eventually("the harvester listens", || {
        let lines = server.log_lines(&["INFO", "listening", &name]);
        let (_, rest) = lines.last()?.split_once("address=\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    })
}

/// Waits until the harvester listens.
///
/// # Panics
/// When it doesn't within [`DEADLINE`].
pub fn wait_to_listen(server: &Server) {
    server.wait_for_log(&["INFO", "listening harvester=\"in\""]);
}

/// A peer over TCP.
///
/// # Panics
/// When it is refused.
#[must_use]
pub fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(address(server, "in")).expect("the harvester listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(DEADLINE)).expect("a timeout can be set");
    stream
}

/// A stream whose sending half can be closed.
pub trait Peer: Read + Write {
    /// Says that nothing more comes.
    fn end(&self);

    /// Sends this, says that it is all, and waits until the service closes the connection: then all is stored.
    ///
    /// # Panics
    /// When the connection breaks.
    fn send_all(mut self, bytes: &[u8])
    where
        Self: Sized,
    {
        self.write_all(bytes).expect("the service reads");
        self.end();
        let mut answer = Vec::new();
        self.read_to_end(&mut answer).expect("closed in order");
        assert!(answer.is_empty());
    }
}

impl Peer for TcpStream {
    fn end(&self) {
        self.shutdown(Shutdown::Write).expect("connected");
    }
}

impl Peer for UnixStream {
    fn end(&self) {
        self.shutdown(Shutdown::Write).expect("connected");
    }
}

/// What `GET /harvesters` tells of the first harvester under this key.
#[must_use]
pub fn status(server: &Server, key: &str) -> Value {
    server.get("/harvesters").at("/result/0").get(key).cloned().unwrap_or_default()
}

/// Messages that are stored, in the order of their ids.
///
/// # Panics
/// When the table can't be read.
#[must_use]
pub fn messages(server: &Server) -> Vec<String> {
    let database = server.home().database();
    let mut statement =
        database.prepare("SELECT message FROM Log ORDER BY id").expect("the table is there");
    let rows = statement.query_map([], |row| row.get(0)).expect("the table can be read");
    rows.collect::<Result<_, _>>().expect("messages are texts")
}

/// Waits until so many entries are stored.
///
/// # Panics
/// When they aren't within [`DEADLINE`].
pub fn wait_for_rows(server: &Server, count: usize) {
    let database = server.home().database();
    eventually(&format!("{count} rows are stored"), || {
        let stored = database.query_row("SELECT count(*) FROM Log", [], |row| row.get::<_, i64>(0));
        (usize::try_from(stored.expect("the table can be read")) == Ok(count)).then_some(())
    });
}

/// Dead letters: reason and text.
#[must_use]
pub fn letters(server: &Server) -> Vec<(String, String)> {
    let answer = server.get("/dead-letters").at("/result/dead_letters");
    let text = |letter: &Value, key: &str| {
        letter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let letters = answer.as_array().cloned().unwrap_or_default();
    letters.iter().map(|letter| (text(letter, "reason"), text(letter, "entry"))).collect()
}
