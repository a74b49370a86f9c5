//! Clients that post as fast as they are answered while something else goes on, and keep account of each entry.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::deadline::eventually;
use crate::home::Home;
use crate::message::{Request, Response};
use crate::server::Server;

/// No request may take longer because of a plugin.
pub const LONGEST: Duration = Duration::from_secs(1);
/// As much of a request's time is not charged to plugins, at most, when threads of the service had to wait for a core.
const MOST_STALL: Duration = Duration::from_millis(500);

/// Entries per request: single ones, and many.
const SIZES: [usize; 4] = [1, 2, 40, 1];
const CLIENTS: usize = 3;
/// The `service` of the clients' entries.
const SERVICE: &str = "client";

/// Clients at work.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Ledger>>,
}

/// What became of the entries that clients posted, by their messages.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Those whose storing was confirmed.
    pub stored: BTreeSet<String>,
    /// Those that became dead letters, as the answers say, with the reasons.
    pub dead: BTreeMap<String, String>,
    /// How many entries were dropped, as the answers say.
    pub dropped: u64,
    /// Messages of requests in which entries were dropped: the answer does not say which.
    unclear: BTreeSet<String>,
    /// Requests that were asked to come back later.
    pub turned_away: usize,
    /// Entries in all requests that were answered.
    pub entries: u64,
    /// The slowest request, and how long it took, less what it waited for a core.
    pub slowest: Option<(Duration, String)>,
    /// Why a client had to give up.
    broken: Vec<String>,
}

impl Clients {
    /// Starts a few clients. Each posts until it is told to stop.
    #[must_use]
    pub fn start(server: &Server) -> Self {
        let (address, pid) = (server.address(), server.process().pid());
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let start = |number: usize| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let client = Client { name: format!("c{number}"), pid, next: 0 };
            std::thread::spawn(move || client.run(address, &stop, &answered))
        };
        let threads = (0..CLIENTS).map(start).collect();
        Self { stop, answered, threads }
    }

    /// Waits for this many more answers than there are now.
    pub fn wait_for_answers(&self, count: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + count;
        eventually("clients are answered", || {
            (self.answered.load(Ordering::Relaxed) >= enough).then_some(())
        });
    }

    /// Stops the clients, each after its request under way.
    ///
    /// # Panics
    /// When one of them could not go on.
    #[must_use]
    pub fn finish(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Ledger::default();
        for thread in self.threads {
            all.merge(thread.join().expect("a client does not panic"));
        }
        assert!(all.broken.is_empty(), "requests without an answer: {:?}", all.broken);
        all
    }
}

impl Ledger {
    /// Checks that the database holds each entry exactly once, where the answers say, and each client's in its order;
    /// and that no request took longer than [`LONGEST`].
    ///
    /// # Panics
    /// When it is not so.
    pub fn check(&self, home: &Home) {
        if let Some((time, request)) = &self.slowest {
            assert!(*time < LONGEST, "{request} took {time:?}");
        }
        let database = home.database();
        let mut found = BTreeSet::new();
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for (message, client, line) in rows(&database) {
            assert!(found.insert(message.clone()), "{message} is stored twice");
            let before = last.insert(client, line);
            assert!(before < Some(line), "{message} is stored after one posted later");
        }
        let lost: Vec<_> = self.stored.difference(&found).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let strange: Vec<_> = found
            .iter()
            .filter(|m| !self.stored.contains(*m) && !self.unclear.contains(*m))
            .collect();
        assert!(strange.is_empty(), "stored, and not acknowledged: {strange:?}");
        assert_eq!(letters(&database), self.dead.keys().cloned().collect::<Vec<_>>());
    }

    /// Checks that all entries were taken and stored.
    ///
    /// # Panics
    /// When one was not.
    pub fn assert_all_stored(&self) {
        assert!(!self.stored.is_empty(), "no entry was stored");
        assert_eq!((&self.dead, self.dropped, self.turned_away), (&BTreeMap::new(), 0, 0));
    }

    fn merge(&mut self, other: Self) {
        self.stored.extend(other.stored);
        self.dead.extend(other.dead);
        self.dropped += other.dropped;
        self.unclear.extend(other.unclear);
        self.turned_away += other.turned_away;
        self.entries += other.entries;
        self.slowest = self.slowest.take().max(other.slowest);
        self.broken.extend(other.broken);
    }

    /// Books what an answer says of these messages.
    fn book(&mut self, mut messages: Vec<String>, answer: &Response) {
        self.entries += messages.len() as u64;
        if answer.status != 200 {
            assert!(matches!(answer.status, 429 | 503), "{answer:?}");
            assert!(answer.header("Retry-After").is_some(), "{answer:?}");
            self.turned_away += 1;
            return;
        }
        let dead = answer.at("/result/dead_letters");
        let dead = dead.as_array().map(Vec::as_slice).unwrap_or_default();
        let dropped = answer.at("/result/dropped").as_u64().unwrap_or(0);
        let stored = answer.at("/result/stored").as_u64().expect("a number");
        let counted = stored + dropped + dead.len() as u64;
        assert_eq!(counted, messages.len() as u64, "{answer:?}");
        // The last ones first, as the others' indexes then stay.
        for letter in dead.iter().rev() {
            let index = letter["index"].as_u64().and_then(|index| usize::try_from(index).ok());
            let message = messages.remove(index.expect("an index"));
            self.dead.insert(message, letter["error"].as_str().expect("a reason").to_owned());
        }
        self.dropped += dropped;
        if dropped == 0 { &mut self.stored } else { &mut self.unclear }.extend(messages);
    }
}

/// One client.
struct Client {
    name: String,
    /// The service's.
    pid: u32,
    next: usize,
}

impl Client {
    fn run(mut self, address: SocketAddr, stop: &AtomicBool, answered: &AtomicUsize) -> Ledger {
        let mut ledger = Ledger::default();
        let mut connection = Connection::open(address).expect("a running server takes connections");
        for size in SIZES.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (messages, body) = self.entries(*size);
            let (began, before) = (Instant::now(), stalled(self.pid));
            match connection.send(&Request::post("/logs").body(body)) {
                Ok(answer) => {
                    let what = format!("a request of {size} at {}-{}", self.name, self.next);
                    let stall = stalled(self.pid).saturating_sub(before);
                    let time = began.elapsed().saturating_sub(stall.min(MOST_STALL));
                    ledger.slowest = ledger.slowest.max(Some((time, what)));
                    ledger.book(messages, &answer);
                }
                Err(error) => {
                    ledger.broken.push(format!("{} at {}: {error}", self.name, self.next));
                    break;
                }
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
        ledger
    }

    /// The messages of a request and its body.
    fn entries(&mut self, count: usize) -> (Vec<String>, String) {
        let lines = self.next..self.next + count;
        self.next = lines.end;
        let texts = lines.clone().map(|line| format!("{}-{line}", self.name));
        let messages: Vec<_> = texts.collect();
        let entries = messages.iter().zip(lines).map(|(message, line)| {
            json!({"service": SERVICE, "message": message, "line": line, "extra": self.name})
        });
        let body = Value::from_iter(entries).to_string();
        (messages, body)
    }
}

/// How long threads of the service have been ready to run and had no core. Nothing where the system does not tell.
fn stalled(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let of_thread = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    threads.into_iter().flatten().flatten().filter_map(of_thread).sum()
}

/// Message, client and line of the clients' rows, in the order they were committed.
fn rows(database: &Database) -> Vec<(String, String, i64)> {
    let sql = "SELECT message, extra, line FROM Log WHERE service = ?1 ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let rows = statement.query_map([SERVICE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("the table can be read")
}

/// The messages of the clients' entries that are dead letters, sorted.
fn letters(database: &Database) -> Vec<String> {
    let sql = "SELECT entry ->> 'message' FROM loglite_dead_letters WHERE source = 'http'
        AND json_valid(entry) AND entry ->> 'service' = ?1 ORDER BY 1";
    let mut statement = database.prepare(sql).expect("the table is there");
    let rows = statement.query_map([SERVICE], |row| row.get(0));
    rows.and_then(Iterator::collect).expect("the table can be read")
}
