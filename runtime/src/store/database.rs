//! The database of a running service: its threads and connections, opened and closed in order.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::answers::Publisher;
use super::checkpoint::{Checkpointer, file_bytes, final_checkpoint, longest_log, wal_path};
use super::committer::Committer;
use super::connection::{open_checkpointer, open_reader, open_writer};
use super::introspect::read_schema;
use super::lock::DatabaseLock;
use super::position::{read_checkpoint, read_input_checkpoints};
use super::queue::WriteQueue;
use super::read_pool::ReadPool;
use super::writer::{Writer, WriterHealth, WriterParts};
use super::{Delivery, StoreError, WriteError, migrate};
use crate::config::{Config, DatabaseConfig};
use crate::domain::{Checkpoint, CheckpointKey, RowId, Schema, SourceName, quote_identifier};
use crate::metrics::Metrics;

/// Connections kept for live tails and health checks, so that slow queries don't hold them up.
const LIVE_READERS: usize = 1;

/// How long a health check waits for the writer, which may wait for a lock itself.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// The open database.
#[derive(Debug)]
pub struct Store {
    schema: Arc<Schema>,
    queue: Arc<WriteQueue>,
    reads: Arc<ReadPool>,
    live_reads: Arc<ReadPool>,
    watermark: watch::Receiver<RowId>,
    health: Arc<WriterHealth>,
    path: PathBuf,
    ended: CancellationToken,
    running: Mutex<Option<Running>>,
}

/// However the writer ends, nobody waits for it any longer, and it is told.
struct AbandonOnDrop {
    queue: Arc<WriteQueue>,
    ended: CancellationToken,
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.queue.abandon();
        self.ended.cancel();
    }
}

/// What [`Store::close`] takes apart.
#[derive(Debug)]
struct Running {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<()>,
    stop_checkpointer: mpsc::Sender<()>,
    final_connection: Connection,
    _lock: DatabaseLock,
}

impl Store {
    /// Opens the database, applies pending migrations if the config says so, and starts the writer.
    ///
    /// # Errors
    /// Any [`StoreError`] that makes the database unfit to serve.
    pub fn open(config: &Config, metrics: &Metrics) -> Result<Self, StoreError> {
        let path = config.database.path();
        Self::open_unlocated(config, metrics).map_err(|error| error.located(&path))
    }

    fn open_unlocated(config: &Config, metrics: &Metrics) -> Result<Self, StoreError> {
        let database = &config.database;
        let lock = DatabaseLock::acquire(&database.sqlite_dir)?;
        let mut connection = open_writer(database)?;
        roll_out(&mut connection, config)?;
        let schema = read_schema(&connection, database)?;
        warn_of_slow_order(&schema);
        warn_of_dictionary(&connection)?;
        let schema = Arc::new(schema);
        let queue = Arc::new(WriteQueue::new(config.ingest.ingest_queue_size, metrics.clone()));
        let health = Arc::new(WriterHealth::default());
        health.longest_log.store(longest_log(&database.path()), Ordering::Relaxed);
        let committer = Committer::open(connection, &schema, config.dead_letters.clone(), metrics)?;
        let (sender, watermark) = watch::channel(committer.newest());
        let publisher = Publisher::new(sender, metrics.clone());
        let writer = Writer::new(WriterParts {
            committer,
            publisher,
            queue: Arc::clone(&queue),
            batch_rows: config.ingest.batch_rows,
            health: Arc::clone(&health),
            metrics: metrics.clone(),
            wal: wal_path(&database.path()),
        });
        let end = AbandonOnDrop { queue: Arc::clone(&queue), ended: CancellationToken::new() };
        let reads = read_pool(database, database.db_pool_size, metrics)?;
        let live_reads = read_pool(database, LIVE_READERS, metrics)?;
        let (stop_checkpointer, stop) = mpsc::channel();
        let checkpointer = Checkpointer {
            connection: open_checkpointer(database)?,
            database: database.path(),
            health: Arc::clone(&health),
            stop,
            readers: [Arc::clone(&reads), Arc::clone(&live_reads)],
            runtime: tokio::runtime::Handle::current(),
        };
        Ok(Self {
            schema,
            queue,
            reads,
            live_reads,
            watermark,
            health,
            path: database.path(),
            ended: end.ended.clone(),
            running: Mutex::new(Some(Running {
                final_connection: open_checkpointer(database)?,
                writer: spawn("writer", move || {
                    let _end = end;
                    writer.run();
                }),
                checkpointer: spawn("checkpointer", move || checkpointer.run()),
                stop_checkpointer,
                _lock: lock,
            })),
        })
    }

    /// The log table.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The way to the writer.
    #[must_use]
    pub fn queue(&self) -> &Arc<WriteQueue> {
        &self.queue
    }

    /// Connections for queries.
    #[must_use]
    pub fn reads(&self) -> &Arc<ReadPool> {
        &self.reads
    }

    /// Connections for live tails and health checks.
    #[must_use]
    pub fn live_reads(&self) -> &Arc<ReadPool> {
        &self.live_reads
    }

    /// Tells the newest committed row id.
    #[must_use]
    pub fn watermark(&self) -> watch::Receiver<RowId> {
        self.watermark.clone()
    }

    /// Waits for the end of the writer: before [`Store::close`] that is a defect.
    pub async fn writer_ended(&self) {
        self.ended.cancelled().await;
    }

    /// The size of the database file and of its write-ahead log, in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> (u64, u64) {
        (file_bytes(&self.path), file_bytes(&wal_path(&self.path)))
    }

    /// Reads the log table and, if the newest commit failed, tries another one.
    ///
    /// # Errors
    /// What keeps the service from reading or writing, in words.
    pub async fn check(&self) -> Result<(), String> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", quote_identifier(self.schema.table()));
        let probe = move |connection: &Connection| {
            connection.prepare_cached(&sql)?.exists([]).map_err(StoreError::from)
        };
        self.live_reads.run(probe).await.map_err(|error| error.to_string())?;
        if self.running().as_ref().is_none_or(|running| running.writer.is_finished()) {
            return Err("the writer has ended".into());
        }
        if self.health.failing.load(Ordering::Relaxed) {
            self.probe_writer().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The source's last position, once all that is queued now is committed or has failed: what an earlier run of the
    /// source has handed over may still be on its way.
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn checkpoint(&self, source: SourceName) -> Result<Option<Checkpoint>, StoreError> {
        self.settled().await?;
        self.live_reads.run(move |connection| read_checkpoint(connection, &source)).await
    }

    /// The last positions of the source's inputs, by key; as [`Store::checkpoint`].
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn input_checkpoints(
        &self,
        source: SourceName,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.settled().await?;
        self.live_reads.run(move |connection| read_input_checkpoints(connection, &source)).await
    }

    /// Waits until all that is queued now is committed or has failed.
    async fn settled(&self) -> Result<(), StoreError> {
        let room = self.queue.reserve(0).await;
        let behind = self.queue.push(Delivery::default(), room);
        let behind = behind.map_err(|_| StoreError::Stopping)?;
        // Jobs are done in order. How this one ends says nothing of the others; unanswered, the writer has ended.
        if behind.await.is_err() {
            return Err(StoreError::Stopping);
        }
        Ok(())
    }

    /// Lets the writer try whether it can write.
    async fn probe_writer(&self) -> Result<(), WriteError> {
        let Some(room) = self.queue.try_reserve(0) else { return Ok(()) };
        let receipt = self.queue.push_probe(room)?;
        match tokio::time::timeout(PROBE_PATIENCE, receipt).await {
            Ok(outcome) => outcome.unwrap_or(Err(WriteError::Stopping)).map(|_| ()),
            Err(_) => {
                let seconds = PROBE_PATIENCE.as_secs();
                Err(WriteError::Unavailable(format!(
                    "the writer did not answer within {seconds} s"
                )))
            }
        }
    }

    /// Takes no more rows, writes those that wait, and closes the database. Blocks until done.
    pub fn close(&self) {
        self.queue.close();
        let Some(running) = self.running().take() else { return };
        join("writer", running.writer);
        drop(running.stop_checkpointer);
        join("checkpointer", running.checkpointer);
        // With the last connection SQLite removes the log's files.
        self.reads.close();
        self.live_reads.close();
        final_checkpoint(&running.final_connection);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_pool(
    database: &DatabaseConfig,
    size: usize,
    metrics: &Metrics,
) -> Result<Arc<ReadPool>, StoreError> {
    let readers = (0..size).map(|_| open_reader(database)).collect::<Result<_, _>>()?;
    Ok(Arc::new(ReadPool::new(readers, database.query_timeout, metrics.clone())))
}

/// Applies pending migrations if the config says so, else tells of them.
fn roll_out(connection: &mut Connection, config: &Config) -> Result<(), StoreError> {
    migrate::ensure_bookkeeping(connection)?;
    if config.database.auto_rollout {
        migrate::rollout(connection, &config.migrations)?;
        return Ok(());
    }
    let pending = migrate::pending(connection, &config.migrations, None)?;
    if !pending.is_empty() {
        let versions: Vec<_> = pending.iter().map(|migration| migration.version).collect();
        warn!(?versions, "migrations are pending; `loglite migrate rollout` applies them");
    }
    Ok(())
}

fn warn_of_slow_order(schema: &Schema) {
    if !schema.timestamp_indexed() {
        let column = &schema.column(schema.timestamp()).name;
        warn!(
            table = schema.table(),
            column, "no index starts with the timestamp column: every query sorts all rows"
        );
    }
}

/// Values that an older loglite has replaced by ids come back as those ids.
fn warn_of_dictionary(connection: &Connection) -> Result<(), StoreError> {
    let is_compressed: bool =
        connection
            .query_row("SELECT EXISTS (SELECT 1 FROM column_dictionary)", [], |row| row.get(0))?;
    if is_compressed {
        warn!(
            "an older loglite has compressed columns of this database; this version shows their ids, not their values"
        );
    }
    Ok(())
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .expect("a thread can be started while the service is")
}

fn join(name: &str, thread: JoinHandle<()>) {
    if thread.join().is_err() {
        error!(thread = name, "a thread of the store ended in a panic");
    }
}
