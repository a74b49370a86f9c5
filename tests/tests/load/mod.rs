//! Clients that post as fast as they are answered and keep account of what was acknowledged.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use loglite_e2e::{Connection, Request};
use rusqlite::Connection as Database;

/// Entries per request: single ones, and more than the writer puts into one statement.
const SIZES: [usize; 4] = [1, 2, 40, 1];

/// Clients at work.
pub(crate) struct Posters {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Posted>>,
}

/// What was posted: entries with a message that no other entry has.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    /// Those whose storing was confirmed.
    pub(crate) acknowledged: HashSet<String>,
    /// All, confirmed or not.
    pub(crate) attempted: HashSet<String>,
}

impl Posters {
    /// Starts `count` clients. Each posts until it is told to stop or its connection breaks.
    pub(crate) fn start(address: SocketAddr, name: &str, count: usize) -> Self {
        let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let threads = (0..count)
            .map(|number| {
                let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
                let name = format!("{name}-{number}");
                std::thread::spawn(move || post(address, &name, &stop, &acknowledged))
            })
            .collect();
        Self { stop, acknowledged, threads }
    }

    /// How many entries are acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Stops the clients.
    pub(crate) fn finish(self) -> Posted {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Posted::default();
        for thread in self.threads {
            all.merge(thread.join().expect("a client does not panic"));
        }
        all
    }
}

impl Posted {
    /// Adds what others posted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.attempted.extend(other.attempted);
    }

    /// Checks that the database is sound and holds each acknowledged entry exactly once, and nothing twice.
    /// Returns the row id of each entry.
    pub(crate) fn check(&self, database: &Database) -> BTreeMap<String, i64> {
        let verdict: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .expect("the database can be checked");
        assert_eq!(verdict, "ok");
        let mut ids = BTreeMap::new();
        for (id, message) in rows(database) {
            assert_eq!(ids.insert(message.clone(), id), None, "{message} is stored twice");
            assert!(self.attempted.contains(&message), "{message} was never posted");
        }
        let lost: Vec<_> =
            self.acknowledged.iter().filter(|message| !ids.contains_key(*message)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        ids
    }
}

fn rows(database: &Database) -> Vec<(i64, String)> {
    let mut statement =
        database.prepare("SELECT id, message FROM Log").expect("the table is there");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).expect("the table can be read")
}

fn post(address: SocketAddr, name: &str, stop: &AtomicBool, acknowledged: &AtomicUsize) -> Posted {
    let mut posted = Posted::default();
    let Ok(mut connection) = Connection::open(address) else { return posted };
    let mut number = 0;
    for size in SIZES.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let messages: Vec<_> = (number..number + size).map(|at| format!("{name}-{at}")).collect();
        number += size;
        posted.attempted.extend(messages.iter().cloned());
        let entries: Vec<_> =
            messages.iter().map(|message| format!("{{\"message\":\"{message}\"}}")).collect();
        let request = Request::post("/logs").body(format!("[{}]", entries.join(",")));
        // A server that was killed or is stopping closes the connection.
        let Ok(answer) = connection.send(&request) else { break };
        if answer.status == 200 {
            assert_eq!(answer.at("/result/stored"), *size, "{answer:?}");
            posted.acknowledged.extend(messages);
            acknowledged.fetch_add(*size, Ordering::Relaxed);
        }
    }
    posted
}
