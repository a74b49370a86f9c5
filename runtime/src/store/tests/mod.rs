//! What a transaction holds together: rows, letters, positions. Most of it needs no thread, only a [`Committer`].

mod bounds;
mod compressed;
mod compressible;
mod compression;
mod deliveries;
mod errors;
mod letters;
mod positions;

use rusqlite::Connection;

use super::committer::Committer;
use super::dead_letters::{LetterFilter, newest_letters};
use super::introspect::read_schema;
use super::letter_box::LetterBox;
use super::position::read_checkpoint;
use super::{Delivery, Originals};
use crate::config::{Config, DatabaseConfig, DeadLettersConfig};
use crate::domain::{
    Checkpoint, CheckpointKey, DeadLetter, EntryText, KeptLetter, RowBatch, RowBatchBuilder,
    SourceName, Value,
};
use crate::metrics::Metrics;

/// A table that refuses `refused` at once, and services that are unknown at the commit.
const TABLE: &str = "
    CREATE TABLE Services (name TEXT PRIMARY KEY);
    INSERT INTO Services VALUES ('known');
    CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT,
        message TEXT CHECK (message <> 'refused') UNIQUE ON CONFLICT ROLLBACK,
        service TEXT REFERENCES Services (name) DEFERRABLE INITIALLY DEFERRED);
    PRAGMA foreign_keys = ON;";

fn committer(sql: &str) -> Committer {
    committer_within(sql, DeadLettersConfig::default(), &Metrics::default())
}

fn committer_within(sql: &str, bounds: DeadLettersConfig, metrics: &Metrics) -> Committer {
    let connection = Connection::open_in_memory().expect("memory");
    connection.execute_batch(sql).expect("a table");
    let schema = read_schema(&connection, &DatabaseConfig::default()).expect("a log table");
    let config = Config { dead_letters: bounds, ..Config::default() };
    Committer::open(connection, &schema, &config, metrics).expect("opened")
}

/// Rows of [`TABLE`], each with its message and service; their entries' indexes count from 0.
fn rows(values: &[(&str, &str)]) -> RowBatch {
    let mut builder = RowBatchBuilder::default();
    for (index, (message, service)) in values.iter().enumerate() {
        push_row(&mut builder, index, message, service);
    }
    builder.build()
}

fn push_row(builder: &mut RowBatchBuilder, index: usize, message: &str, service: &str) {
    [Value::Null, Value::Text(message), Value::Text(service)]
        .into_iter()
        .for_each(|value| builder.push(value));
    builder.finish_row(index);
}

fn letter(entry: &str) -> DeadLetter {
    DeadLetter {
        source: "weather".into(),
        reason: "broken".into(),
        entry: EntryText::from(entry.to_owned()),
    }
}

fn originals(entries: &[&str]) -> Option<Originals> {
    let entries = entries.iter().map(|entry| EntryText::from((*entry).to_owned())).collect();
    Some(Originals { source: "weather".into(), entries })
}

fn position(bytes: &[u8]) -> Vec<(CheckpointKey, Option<Checkpoint>)> {
    vec![((&SourceName::from("weather")).into(), Some(Checkpoint(bytes.to_vec())))]
}

fn saved(connection: &Connection) -> Option<Vec<u8>> {
    let checkpoint = read_checkpoint(connection, &"weather".into()).expect("readable");
    checkpoint.map(|checkpoint| checkpoint.0)
}

fn messages(connection: &Connection) -> Vec<(i64, String)> {
    let mut statement =
        connection.prepare("SELECT id, message FROM Log ORDER BY id").expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("messages")
}

fn kept(connection: &Connection) -> Vec<KeptLetter> {
    newest_letters(connection, &LetterFilter::default(), None, 1000).expect("letters")
}

/// The entries of the letters, the newest first.
fn kept_entries(connection: &Connection) -> Vec<String> {
    kept(connection).iter().map(|kept| kept.letter.entry.as_str().to_owned()).collect()
}

/// Whether the totals are what the table holds.
fn assert_totals_are_exact(connection: &Connection) {
    let totals = super::dead_letters::letter_totals(connection).expect("totals");
    let kept = kept(connection);
    let bytes: usize = kept.iter().map(|kept| kept.letter.byte_len()).sum();
    assert_eq!((totals.count, totals.bytes), (kept.len() as u64, bytes as u64));
}

fn write(committer: &mut Committer, delivery: &Delivery) -> crate::domain::Receipt {
    let receipts = committer.write(&[delivery], Vec::new()).expect("written");
    receipts.into_iter().next().expect("a receipt")
}
