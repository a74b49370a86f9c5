//! Native harvesters in a configuration, what a running service tells of them, and whether all that was written is
//! stored.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::config;
use crate::deadline::eventually;
use crate::home::Home;
use crate::server::Server;

/// How long the table may stay as it is before what is missing counts as lost.
const STANDSTILL: Duration = Duration::from_secs(45);
/// Messages that a failed check names.
const MOST_NAMED: usize = 5;

/// The keys of a configuration with one harvester.
#[must_use]
pub fn keys(kind: &str, name: &str, config: &Value) -> String {
    // JSON is YAML, too.
    format!("harvesters: {}", json!([{"type": kind, "name": name, "config": config}]))
}

/// A home whose service harvests files by this `config:`, which begins with all that is there unless it says otherwise.
/// A key that is null is left out. The harvester is called `files`.
///
/// # Panics
/// When the directory can't be made.
#[must_use]
pub fn of_files(config: &Value) -> Home {
    let mut whole = Map::from_iter([("start".to_owned(), json!("beginning"))]);
    whole.extend(config.as_object().cloned().unwrap_or_default());
    whole.retain(|_, value| !value.is_null());
    let home = Home::new(&config::with(&keys("file", "files", &Value::Object(whole))));
    std::fs::create_dir(home.path().join("logs")).expect("the test's directory is writable");
    home
}

/// What `GET /harvesters` tells of one harvester.
#[derive(Debug, Clone, PartialEq)]
pub struct HarvesterStatus(Value);

impl HarvesterStatus {
    /// A text, such as `state`; an empty one where there is none.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.0.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A count, such as `bad_lines`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn count(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {key} in {self}"))
    }
}

impl fmt::Display for HarvesterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Server {
    /// What `GET /harvesters` tells of the harvester.
    ///
    /// # Panics
    /// When it tells nothing.
    #[must_use]
    pub fn harvester(&self, name: &str) -> HarvesterStatus {
        let answer = self.get("/harvesters");
        let all = answer.at("/result");
        let all = all.as_array().unwrap_or_else(|| panic!("no harvesters in {answer:?}"));
        let found = all.iter().find(|one| one.get("name").is_some_and(|own| own == name));
        HarvesterStatus(found.unwrap_or_else(|| panic!("no `{name}` in {answer:?}")).clone())
    }

    /// Waits until the harvester of files has stored all there is.
    pub fn wait_until_harvested(&self) {
        eventually("no bytes are left to harvest", || {
            (self.harvester("files").count("lag_bytes") == 0).then_some(())
        });
    }
}

impl Home {
    /// The messages in the table with how often each is there, read as another program would.
    ///
    /// # Panics
    /// When the table can't be read.
    #[must_use]
    pub fn messages(&self) -> BTreeMap<String, usize> {
        let database = self.database();
        let sql = "SELECT message, count(*) FROM Log GROUP BY message";
        let mut statement = database.prepare(sql).expect("the table is there");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
        let pairs: rusqlite::Result<Vec<(String, i64)>> = rows.and_then(Iterator::collect);
        let count = |times| usize::try_from(times).expect("a count is not negative");
        let pairs = pairs.expect("the table can be read").into_iter();
        pairs.map(|(message, times)| (message, count(times))).collect()
    }

    /// How many rows the table holds.
    ///
    /// # Panics
    /// When the table can't be read.
    #[must_use]
    pub fn row_count(&self) -> usize {
        let database = self.database();
        let count: i64 = database
            .query_row("SELECT count(*) FROM Log", [], |row| row.get(0))
            .expect("the table can be read");
        usize::try_from(count).expect("a count is not negative")
    }

    /// Waits until the table holds this many rows, or has not changed for long.
    pub fn wait_for_rows(&self, count: usize) {
        let (mut last, mut since) = (self.row_count(), Instant::now());
        let mut is_there = last >= count;
        // Each wait is short of the harness's deadline, but all of them together need not be.
        while !is_there && since.elapsed() < STANDSTILL {
            is_there = eventually("the table changes, or stands still", || {
                let now = self.row_count();
                let changed = now != last;
                last = now;
                (changed || since.elapsed() >= STANDSTILL).then_some(now >= count)
            });
            if since.elapsed() < STANDSTILL {
                since = Instant::now();
            }
        }
    }

    /// Waits until each of these messages is in the table, and checks that each is there once and nothing else is.
    ///
    /// # Panics
    /// When one is missing for long, doubled, or was never written.
    pub fn assert_stored_once(&self, written: impl IntoIterator<Item = String>) {
        let written: Vec<_> = written.into_iter().collect();
        self.wait_for_rows(written.len());
        let mut stored = self.messages();
        let (mut missing, mut doubled) = (Vec::new(), Vec::new());
        for message in &written {
            match stored.remove(message) {
                Some(1) => {}
                Some(times) => doubled.push(format!("{message} ({times} times)")),
                None => missing.push(message.clone()),
            }
        }
        let strange: Vec<_> = stored.into_keys().collect();
        assert!(
            missing.is_empty() && doubled.is_empty() && strange.is_empty(),
            "of {} lines written: missing {}; doubled {}; never written {}",
            written.len(),
            named(&missing),
            named(&doubled),
            named(&strange)
        );
    }
}

fn named(messages: &[String]) -> String {
    let first: Vec<_> = messages.iter().take(MOST_NAMED).collect();
    format!("{} {first:?} to {:?}", messages.len(), messages.last())
}
