//! A stand-in for a container engine: a web server on a Unix socket that answers what loglite asks one.

use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// How often a stream looks whether the engine has stopped.
const LOOK: Duration = Duration::from_millis(50);
/// The engine cuts lines into parts of this size.
const PART: usize = 16 << 10;

/// Containers with their logs; they outlast the engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Containers(Arc<(Mutex<State>, Condvar)>);

/// A running engine. It ends with the value: its connections break off and its socket goes away.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: PathBuf,
    containers: Containers,
    connections: Arc<Mutex<Vec<UnixStream>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    containers: Vec<Container>,
    /// Ids of containers that have started.
    starts: Vec<String>,
    stopped: bool,
    /// Paths that were asked for.
    asked: Vec<String>,
}

#[derive(Debug, Clone)]
struct Container {
    id: String,
    name: String,
    image: String,
    has_terminal: bool,
    is_running: bool,
    log: Vec<Message>,
}

#[derive(Debug, Clone)]
struct Message {
    stream: u8,
    nanos: i64,
    text: Vec<u8>,
}

impl Containers {
    /// Adds a container that runs; nobody is told of it before it starts.
    pub(crate) fn add(&self, name: &str, image: &str, has_terminal: bool) -> String {
        let mut state = self.lock();
        let id = format!("{:012x}", 0xc0_0000 + state.containers.len());
        state.containers.push(Container {
            id: id.clone(),
            name: name.into(),
            image: image.into(),
            has_terminal,
            is_running: true,
            log: Vec::new(),
        });
        id
    }

    /// Tells that a container has started.
    pub(crate) fn start(&self, id: &str) {
        let mut state = self.lock();
        container(&mut state, id).is_running = true;
        state.starts.push(id.to_owned());
        self.0.1.notify_all();
    }

    /// Ends a container.
    pub(crate) fn die(&self, id: &str) {
        container(&mut self.lock(), id).is_running = false;
        self.0.1.notify_all();
    }

    /// Writes lines to the log of a container as the engine does: with their time, and cut into parts. Each two have
    /// the same time.
    pub(crate) fn write(&self, id: &str, stream: u8, lines: &[String]) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.expect("it is after 1970").as_nanos() as i64;
        let mut state = self.lock();
        let container = container(&mut state, id);
        let last = container.log.iter().rev().find(|message| message.stream == stream);
        let mut nanos = last.map_or(now, |message| now.max(message.nanos));
        for (index, line) in lines.iter().enumerate() {
            nanos += i64::from(index % 2 == 0);
            let end = if container.has_terminal { "\r\n" } else { "\n" };
            let parts: Vec<_> = line.as_bytes().chunks(PART).collect();
            for (at, part) in parts.iter().enumerate() {
                let end = if at + 1 == parts.len() { end } else { "" };
                let text = [part, end.as_bytes()].concat();
                container.log.push(Message { stream, nanos, text });
            }
        }
        self.0.1.notify_all();
    }

    /// Paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something may have changed.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.0.1.wait_timeout(state, LOOK);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Engine {
    /// Starts an engine with these containers.
    pub(crate) fn start(socket: &Path, containers: &Containers) -> Self {
        containers.lock().stopped = false;
        let listener = UnixListener::bind(socket).expect("the test's directory is writable");
        let connections = Arc::<Mutex<Vec<UnixStream>>>::default();
        let thread = {
            let (containers, connections) = (containers.clone(), Arc::clone(&connections));
            std::thread::spawn(move || accept(&listener, &containers, &connections))
        };
        Self {
            socket: socket.into(),
            containers: containers.clone(),
            connections,
            thread: Some(thread),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.containers.lock().stopped = true;
        self.containers.0.1.notify_all();
        for connection in self.connections.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // Fails when it is closed already.
            drop(connection.shutdown(Shutdown::Both));
        }
        // Wakes the thread; when that fails it has ended by itself.
        drop(UnixStream::connect(&self.socket));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        drop(std::fs::remove_file(&self.socket));
    }
}

fn accept(listener: &UnixListener, containers: &Containers, connections: &Mutex<Vec<UnixStream>>) {
    let mut threads = Vec::new();
    for connection in listener.incoming() {
        if containers.lock().stopped {
            break;
        }
        let Ok(connection) = connection else { continue };
        let clone = connection.try_clone().expect("a connection can be cloned");
        connections.lock().unwrap_or_else(PoisonError::into_inner).push(clone);
        let containers = containers.clone();
        threads.push(std::thread::spawn(move || {
            // A client that has gone away does not wait for the rest.
            drop(answer(&connection, &containers));
            drop(connection.shutdown(Shutdown::Both));
        }));
    }
    for thread in threads {
        drop(thread.join());
    }
}

fn answer(connection: &UnixStream, containers: &Containers) -> io::Result<()> {
    let mut lines = BufReader::new(connection);
    let mut head = String::new();
    while lines.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    containers.lock().asked.push(target.clone());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    if path == "/version" {
        return whole(connection, 200, &json!({"ApiVersion": "1.47", "MinAPIVersion": "1.24"}));
    }
    let path = path.strip_prefix("/v1.41/").unwrap_or_default();
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["events"] => events(connection, containers),
        ["containers", "json"] => {
            let state = containers.lock();
            let list: Vec<_> = state.containers.iter().map(listed).collect();
            drop(state);
            whole(connection, 200, &json!(list))
        }
        ["containers", id, what] => {
            let found = containers.lock().containers.iter().find(|c| c.id == *id).cloned();
            match (found, *what) {
                (Some(container), "json") => whole(connection, 200, &inspected(&container)),
                (Some(container), "logs") => logs(connection, containers, &container, since(query)),
                _ => whole(connection, 404, &json!({"message": "no such container"})),
            }
        }
        _ => whole(connection, 404, &json!({"message": "page not found"})),
    }
}

fn listed(container: &Container) -> Value {
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": container.image,
        "State": if container.is_running { "running" } else { "exited" },
        "Labels": {},
    })
}

fn inspected(container: &Container) -> Value {
    json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "Config": {"Image": container.image, "Tty": container.has_terminal},
        "State": {"Running": container.is_running},
    })
}

fn whole(mut connection: &UnixStream, status: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status} Any\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn begin(mut connection: &UnixStream) -> io::Result<()> {
    connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
}

fn chunk(mut connection: &UnixStream, bytes: &[u8]) -> io::Result<()> {
    write!(connection, "{:x}\r\n", bytes.len())?;
    connection.write_all(bytes)?;
    connection.write_all(b"\r\n")
}

fn end(mut connection: &UnixStream) -> io::Result<()> {
    connection.write_all(b"0\r\n\r\n")
}

fn events(connection: &UnixStream, containers: &Containers) -> io::Result<()> {
    begin(connection)?;
    let mut sent = containers.lock().starts.len();
    loop {
        let mut state = containers.lock();
        while state.starts.len() <= sent && !state.stopped {
            state = containers.wait(state);
        }
        if state.stopped {
            return Ok(());
        }
        let id = state.starts.get(sent).cloned().expect("it has started");
        let Container { name, image, .. } = container(&mut state, &id).clone();
        drop(state);
        let attributes = json!({"name": name, "image": image});
        let event = json!({"Type": "container", "Action": "start", "Actor": {"ID": id, "Attributes": attributes}});
        chunk(connection, format!("{event}\n").as_bytes())?;
        sent += 1;
    }
}

/// The nanoseconds of `since=seconds.nanoseconds`.
fn since(query: &str) -> i64 {
    let since = query.split('&').find_map(|part| part.strip_prefix("since=")).unwrap_or("0.0");
    let (seconds, nanos) = since.split_once('.').expect("seconds and nanoseconds");
    let number = |text: &str| text.parse::<i64>().expect("a number");
    number(seconds) * 1_000_000_000 + number(nanos)
}

/// Sends messages from this time on until the container has ended, in pieces that end anywhere.
fn logs(
    connection: &UnixStream,
    containers: &Containers,
    of: &Container,
    since: i64,
) -> io::Result<()> {
    begin(connection)?;
    let (mut sent, mut seed) = (0, since as u64 | 1);
    loop {
        let mut state = containers.lock();
        let (new, is_running) = loop {
            if state.stopped {
                return Ok(());
            }
            let container = container(&mut state, &of.id);
            let new = container.log.get(sent..).unwrap_or_default();
            if !new.is_empty() || !container.is_running {
                break (new.to_vec(), container.is_running);
            }
            state = containers.wait(state);
        };
        drop(state);
        if new.is_empty() && !is_running {
            return end(connection);
        }
        sent += new.len();
        let fresh = new.iter().filter(|message| message.nanos >= since);
        let bytes: Vec<u8> = fresh.flat_map(|message| framed(message, of.has_terminal)).collect();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let length = (seed >> 33) as usize % 3_000 + 1;
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            chunk(connection, piece)?;
            rest = behind;
        }
    }
}

fn framed(message: &Message, has_terminal: bool) -> Vec<u8> {
    let (seconds, nanos) =
        (message.nanos.div_euclid(1_000_000_000), message.nanos.rem_euclid(1_000_000_000));
    let text = [time(seconds, nanos).as_bytes(), &message.text].concat();
    if has_terminal {
        return text;
    }
    let length = u32::try_from(text.len()).expect("a message is short").to_be_bytes();
    [&[message.stream, 0, 0, 0], length.as_slice(), &text].concat()
}

/// RFC 3339 with nanoseconds, and the space behind it.
fn time(seconds: i64, nanos: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The civil date of a day: years begin in March, so that leap days come last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z ")
}

fn container<'a>(state: &'a mut State, id: &str) -> &'a mut Container {
    state.containers.iter_mut().find(|container| container.id == id).expect("a known container")
}
