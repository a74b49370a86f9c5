//! The yardstick of the benchmark: how fast rusqlite alone stores the same rows under the same schema.
//!
//! `bare-loop DATABASE ENTRIES [--seconds N] [--rows-per-insert N] [--synchronous NORMAL|FULL]` reads
//! entries from a JSON array, inserts them in turn into a new database until the time is over, and prints
//! one JSON object. Parsing happens before the clock starts: what is left is binding, stepping, committing.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement};

const SCHEMA: &str = include_str!("schema.sql");
const COLUMNS: [&str; 11] = [
    "timestamp",
    "message",
    "level",
    "service",
    "filename",
    "path",
    "line",
    "function",
    "pid",
    "process_name",
    "extra",
];
const ROWS_PER_TRANSACTION: usize = 1000;
/// The kernel reports CPU time to programs in ticks of 1/100 s, whatever its own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<()> {
    let options = Options::from_arguments(env::args().skip(1))?;
    let rows = read_rows(&options.entries)?;
    let connection = open(&options)?;
    let (cpu_before, started) = (cpu_seconds()?, Instant::now());
    let stored = insert_until(&connection, &rows, &options)?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = cpu_seconds()? - cpu_before;
    let report = serde_json::json!({
        "rows": stored,
        "seconds": seconds,
        "rows_per_second": stored as f64 / seconds,
        "cpu_seconds": cpu,
        "sqlite": rusqlite::version(),
    });
    writeln!(io::stdout(), "{report}").context("standard output")
}

struct Options {
    database: String,
    entries: String,
    duration: Duration,
    rows_per_insert: usize,
    synchronous: String,
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            database: arguments.next().context("name the database file to create")?,
            entries: arguments.next().context("name the JSON file of entries")?,
            duration: Duration::from_secs(5),
            rows_per_insert: 1,
            synchronous: "NORMAL".to_owned(),
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--seconds" => options.duration = Duration::from_secs(value.parse()?),
                "--rows-per-insert" => options.rows_per_insert = value.parse::<usize>()?.max(1),
                "--synchronous" => options.synchronous = value,
                _ => bail!(
                    "unknown option `{name}`; there are --seconds, --rows-per-insert, --synchronous"
                ),
            }
        }
        Ok(options)
    }
}

fn read_rows(path: &str) -> Result<Vec<Vec<Value>>> {
    let text = fs::read_to_string(path).with_context(|| format!("entries {path}"))?;
    let entries: Vec<serde_json::Value> = serde_json::from_str(&text)?;
    if entries.is_empty() {
        bail!("entries {path}: the array is empty");
    }
    Ok(entries
        .iter()
        .map(|entry| COLUMNS.iter().map(|name| bound(entry.get(name))).collect())
        .collect())
}

fn bound(value: Option<&serde_json::Value>) -> Value {
    match value {
        None | Some(serde_json::Value::Null) => Value::Null,
        Some(serde_json::Value::String(text)) => Value::Text(text.clone()),
        Some(other) => {
            other.as_i64().map_or_else(|| Value::Text(other.to_string()), Value::Integer)
        }
    }
}

/// Opens the new database with the PRAGMAs that the servers are given.
fn open(options: &Options) -> Result<Connection> {
    let connection = Connection::open(&options.database)
        .with_context(|| format!("database {}", options.database))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", &options.synchronous)?;
    connection.pragma_update(None, "cache_size", -32_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn insert_until(connection: &Connection, rows: &[Vec<Value>], options: &Options) -> Result<usize> {
    let mut statement = connection.prepare(&insert_sql(options.rows_per_insert))?;
    let inserts_per_transaction = ROWS_PER_TRANSACTION.div_ceil(options.rows_per_insert);
    let started = Instant::now();
    let mut endless = rows.iter().cycle();
    let mut stored = 0;
    while started.elapsed() < options.duration {
        let transaction = connection.unchecked_transaction()?;
        for _ in 0..inserts_per_transaction {
            stored += insert(&mut statement, endless.by_ref().take(options.rows_per_insert))?;
        }
        transaction.commit()?;
    }
    Ok(stored)
}

fn insert<'a>(
    statement: &mut Statement<'_>,
    rows: impl Iterator<Item = &'a Vec<Value>>,
) -> rusqlite::Result<usize> {
    for (position, value) in rows.flatten().enumerate() {
        statement.raw_bind_parameter(position + 1, value)?;
    }
    statement.raw_execute()
}

fn insert_sql(rows: usize) -> String {
    let row = format!("({})", vec!["?"; COLUMNS.len()].join(","));
    format!("INSERT INTO Log ({}) VALUES {}", COLUMNS.join(","), vec![row; rows].join(","))
}

/// The CPU time of this process so far, in user and kernel mode (fields 14 and 15 of `proc_pid_stat(5)`).
fn cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/stat").context("/proc/self/stat")?;
    // The second field is the program's name in brackets; it may hold blanks, so count behind it.
    let (_, fields) = text.rsplit_once(')').context("/proc/self/stat: no program name")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
}
