//! What becomes of entries on their way to the table, with transforms that follow a script.

mod bodies;
mod chain;
mod harvested;
mod posted;
mod replayed;
mod sources;

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{
    Binder, Bound, Haul, Ingestor, Layout, Link, OwnColumns, Transform, TransformChain,
    Unavailable, Verdict,
};
use crate::config::{Config, DatabaseConfig, Migration};
use crate::domain::{Checkpoint, EntryText, KeptLetter, Receipt, SourceName};
use crate::metrics::Metrics;
use crate::store::dead_letters::{LetterFilter, newest_letters};
use crate::store::{Store, find_writable_column, open_beside};

const TABLE: &str =
    "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL DEFAULT 'unknown',
    message TEXT NOT NULL CHECK (message <> 'forbidden'), line INTEGER, origin TEXT)";

fn text(text: &str) -> EntryText {
    EntryText::from(text.to_owned())
}

fn haul(entries: Vec<EntryText>, checkpoint: Option<Checkpoint>) -> Haul {
    Haul::with_position(entries, &"weather".into(), checkpoint)
}

fn texts(texts: &[&str]) -> Vec<EntryText> {
    texts.iter().map(|one| text(one)).collect()
}

fn strings(texts: &[EntryText]) -> Vec<&str> {
    texts.iter().map(EntryText::as_str).collect()
}

/// An entry with this message.
fn entry(message: &str) -> String {
    format!("{{\"message\": \"{message}\"}}")
}

/// What an entry's message tells [`Obedient`] to do with it: `keep`, `drop`, `refuse`, `fail`, or what it is to become,
/// such as `to {"message": "a"}` or `to {"message": "a"}|{"message": "b"}`.
fn verdict(entry: &str) -> Verdict {
    let message = entry.split('"').nth(3).unwrap_or("keep");
    match message.split_once(' ').unwrap_or((message, "")) {
        ("drop", _) => Verdict::Drop,
        ("refuse", reason) => Verdict::Refuse(reason.to_owned()),
        ("fail", reason) => Verdict::Fail(reason.to_owned()),
        ("to", becomes) => {
            let parts: Vec<_> = becomes.split('|').filter(|part| !part.is_empty()).collect();
            match parts.as_slice() {
                [one] => Verdict::Replace(text(&inner(one))),
                many => Verdict::Split(many.iter().map(|part| text(&inner(part))).collect()),
            }
        }
        _ => Verdict::Keep,
    }
}

fn inner(part: &str) -> String {
    part.replace('<', "{\"message\": \"").replace('>', "\"}")
}

/// How a transform answers a call.
type Script = Box<dyn Fn(Vec<EntryText>) -> Result<Vec<Verdict>, String> + Send + Sync>;

/// A transform that answers by a script and remembers what it was shown.
struct Scripted {
    name: &'static str,
    script: Script,
    shown: Mutex<Vec<Vec<String>>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Scripted {
    fn new(
        name: &'static str,
        script: impl Fn(Vec<EntryText>) -> Result<Vec<Verdict>, String> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { name, script: Box::new(script), shown: Mutex::default() })
    }

    /// Does with each entry what its message says.
    fn obedient(name: &'static str) -> Arc<Self> {
        Self::new(name, |entries| Ok(entries.iter().map(|one| verdict(one.as_str())).collect()))
    }

    /// Gives these verdicts in turn.
    fn fixed(name: &'static str, verdicts: Vec<Verdict>) -> Arc<Self> {
        Self::new(name, move |_| Ok(verdicts.clone()))
    }

    fn shown(&self) -> Vec<Vec<String>> {
        self.shown.lock().expect("no test has failed").clone()
    }
}

impl Transform for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn apply<'a>(
        &'a self,
        _: &'a SourceName,
        entries: Vec<EntryText>,
    ) -> BoxFuture<'a, Result<Vec<Verdict>, Unavailable>> {
        let shown = entries.iter().map(|entry| entry.as_str().to_owned()).collect();
        self.shown.lock().expect("no test has failed").push(shown);
        let unavailable = |reason| Unavailable { transform: self.name.to_owned(), reason };
        std::future::ready((self.script)(entries).map_err(unavailable)).boxed()
    }
}

/// These transforms for all sources.
fn chain(transforms: &[&Arc<Scripted>]) -> TransformChain {
    let link = |transform: &&Arc<Scripted>| Link {
        transform: Arc::clone(transform) as Arc<dyn Transform>,
        sources: vec!["*".into()],
    };
    TransformChain::new(transforms.iter().map(link).collect(), &[])
}

/// A database, open, with a door to it.
struct Home {
    config: Config,
    store: Arc<Store>,
    ingestor: Ingestor,
    metrics: Metrics,
    _directory: TempDir,
}

impl Home {
    fn new(transforms: &[&Arc<Scripted>]) -> Self {
        Self::with_source_column(transforms, None)
    }

    fn with_source_column(transforms: &[&Arc<Scripted>], source: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = Config::default();
        config.database.sqlite_dir = directory.path().to_owned();
        config.database.auto_rollout = true;
        let rollout = vec![TABLE.to_owned()];
        config.migrations = vec![Migration { version: 1, rollout, rollback: Vec::new() }];
        let metrics = Metrics::default();
        let store = Arc::new(Store::open(&config, &metrics).expect("opened"));
        let source = find_writable_column(store.schema(), "source_column", source);
        let own = OwnColumns { source: source.expect("a column"), ..OwnColumns::none() };
        let binder = Binder::new(store.schema(), own);
        let ingestor =
            Ingestor::new(binder, chain(transforms), Arc::clone(&store), metrics.clone());
        Self { config, store, ingestor, metrics, _directory: directory }
    }

    fn database(&self) -> &DatabaseConfig {
        &self.config.database
    }

    fn connection(&self) -> Connection {
        open_beside(self.database()).expect("opened")
    }

    /// As `POST /logs` does it.
    async fn post(&self, body: &str) -> Receipt {
        let bound = self.bind(body).await;
        self.ingestor.try_ingest(bound).expect("room").receipt().await.expect("stored")
    }

    async fn bind(&self, body: &str) -> Bound {
        let layout = if body.contains('\n') { Layout::NdJson } else { Layout::Json };
        let draft = self.ingestor.binder().draft(body.into(), layout).expect("entries");
        self.ingestor.transform(&SourceName::http(), draft).await.expect("transformed")
    }

    async fn ingest(&self, entries: &[&str]) -> Receipt {
        self.ingestor.ingest(&"weather".into(), haul(texts(entries), None)).await.expect("stored")
    }

    /// The messages in the table in the order of their ids.
    fn messages(&self) -> Vec<String> {
        self.column("message")
    }

    fn column(&self, column: &str) -> Vec<String> {
        let connection = self.connection();
        let sql = format!("SELECT coalesce(CAST({column} AS TEXT), 'none') FROM Log ORDER BY id");
        let mut statement = connection.prepare(&sql).expect("a query");
        let values = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        values.collect::<Result<_, _>>().expect("text")
    }

    /// The dead letters, the oldest first.
    fn letters(&self) -> Vec<KeptLetter> {
        let connection = self.connection();
        let mut letters =
            newest_letters(&connection, &LetterFilter::default(), None, 1_000).expect("letters");
        letters.reverse();
        letters
    }

    /// Source, reason and entry of the dead letters, the oldest first.
    fn letter_texts(&self) -> Vec<(String, String, String)> {
        let letters = self.letters().into_iter().map(|kept| kept.letter);
        letters
            .map(|letter| {
                (letter.source.to_string(), letter.reason, letter.entry.as_str().to_owned())
            })
            .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Indexes and reasons.
fn pairs(refusals: &[crate::domain::Refusal]) -> Vec<(usize, &str)> {
    refusals.iter().map(|refusal| (refusal.index, refusal.error.as_str())).collect()
}
